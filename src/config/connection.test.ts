import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { inspect } from "node:util";
import fc from "fast-check";
import { MongoClient } from "mongodb";
import { KeepError } from "../errors.ts";
import { loadSettings } from "./settings.ts";
import { formatUri } from "./uri-parts.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "mk-connection-"));
});
after(() => rm(folder, { recursive: true }));

type Env = Record<string, string>;

async function load(file: Env, env: Env = {}) {
  const lines = Object.entries(file).map(([name, value]) => `${name}='${value}'\n`);
  await writeFile(join(folder, ".env"), lines.join(""), { mode: 0o600 });
  return await loadSettings({ envFile: undefined, cwd: folder, home: "/root", env });
}

async function uriOf(file: Env, env: Env = {}) {
  return (await load(file, env)).uri?.reveal();
}

async function refusal(file: Env, env: Env = {}): Promise<KeepError> {
  try {
    await load(file, env);
  } catch (error) {
    assert.ok(error instanceof KeepError, inspect(error));
    assert.equal(error.code, "bad-setting");
    return error;
  }
  assert.fail("was accepted");
}

test("the URI is read under each of its names; DATABASE_URL only where it is MongoDB's", async () => {
  for (const name of ["MONGODB_URI", "MONGO_URI", "MONGO_URL", "DATABASE_URL"]) {
    const settings = await load({ [name]: "mongodb://B:27018,a/app" });
    assert.equal(settings.uriName, name);
    assert.deepEqual(settings.hosts, ["a:27017", "b:27018"]);
    assert.deepEqual(settings.databases, ["app"]);
  }
  assert.equal(await uriOf({ DATABASE_URL: "postgres://u:p@h/db" }), undefined);
  assert.deepEqual((await load({ MONGO_URL: "mongodb+srv://C.example.net/" })).hosts, [
    "c.example.net",
  ]);
});

test("the application's options are left out of the URI; one that nobody knows is told", async () => {
  const settings = await load({
    DATABASE_URL: "mongodb://h/db?raw=true&w=0&tls=true&maxPoolSizze=1",
  });
  assert.equal(settings.uri?.reveal(), "mongodb://h/db?tls=true");
  assert.match(settings.warnings.join(), /DATABASE_URL has the option "maxPoolSizze"/);
});

test("two names with different URIs are exit 2; the same URI twice is fine", async () => {
  const error = await refusal({ MONGODB_URI: "mongodb://a", MONGO_URI: "mongodb://u:hunter2@b" });
  assert.match(error.message, /MONGODB_URI and MONGO_URI/);
  assert.ok(!inspect(error).includes("hunter2"));
  assert.equal(
    await uriOf({ MONGODB_URI: "mongodb://a", MONGO_URL: "mongodb://a" }),
    "mongodb://a",
  );
});

test("the environment wins over the file also under another name", async () => {
  const env = { MONGODB_URI: "mongodb://env" };
  assert.equal(await uriOf({ MONGO_URI: "mongodb://file" }, env), "mongodb://env");
  assert.equal(await uriOf({ MONGODB_HOST: "file", MONGODB_PORT: "1" }, env), "mongodb://env");
  assert.equal(
    await uriOf({ MONGODB_URI: "mongodb://file" }, { MONGODB_HOST: "env" }),
    "mongodb://env:27017/",
  );
  const login = { MONGODB_HOST: "h", MONGODB_USER: "u" };
  assert.equal(await uriOf(login, { MONGODB_PASS: "p" }), "mongodb://u:p@h:27017/");
});

test("DATABASE_URL may differ: it is the application's", async () => {
  const both = { MONGODB_URI: "mongodb://a", DATABASE_URL: "mongodb://b" };
  assert.equal(await uriOf(both), "mongodb://a");
});

test("parts make a URI with everything encoded", async () => {
  await writeFile(join(folder, "ca file.pem"), "");
  const uri = await uriOf({
    MONGODB_HOST: "::1",
    MONGODB_PORT: "27020",
    MONGODB_USERNAME: "bäck up",
    MONGODB_PASSWORD: "p@s/s:w%r#d?",
    MONGODB_AUTH_SOURCE: "adm in",
    MONGODB_TLS_CA_FILE: "ca file.pem",
  });
  assert.ok(uri);
  const client = new MongoClient(uri.replace(/tlsCAFile=[^&]*/, "tlsInsecure=true"));
  assert.equal(client.options.credentials?.username, "bäck up");
  assert.equal(client.options.credentials.password, "p@s/s:w%r#d?");
  assert.equal(client.options.credentials.source, "adm in");
  assert.equal(client.options.tls, true);
  assert.match(uri, /@\[::1\]:27020\/.*tlsCAFile=.*ca%20file\.pem/);
});

test("whatever user and password are made of, the driver reads them back", () => {
  const part = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(part, part, (username, password) => {
      const none = {
        port: undefined,
        authSource: undefined,
        directConnection: undefined,
        tls: undefined,
        tlsCaFile: undefined,
      };
      const uri = formatUri({ host: "a:1,b", username, password, ...none });
      const { credentials, hosts } = new MongoClient(uri).options;
      assert.equal(credentials?.username, username);
      assert.equal(credentials.password, password);
      assert.deepEqual(hosts.map(String), ["a:1", "b:27017"]);
    }),
    { numRuns: 200 },
  );
});

test("half a login, and a host that is none, are exit 2", async () => {
  const cases: readonly [Env, RegExp][] = [
    [{ MONGODB_HOST: "h", MONGODB_USERNAME: "u" }, /MONGODB_PASSWORD is not/],
    [{ MONGODB_HOST: "h", MONGODB_PASSWORD: "hunter2" }, /MONGODB_USERNAME is not/],
    [{ MONGODB_HOST: "mongodb://u:hunter2@h" }, /MONGODB_HOST contains a URI/],
    [{ MONGODB_HOST: "a b" }, /MONGODB_HOST/],
    [{ MONGODB_HOST: "h/db" }, /MONGODB_HOST/],
    [
      { MONGODB_HOST: "h", MONGODB_USER: "a", MONGODB_USERNAME: "b" },
      /MONGODB_USERNAME and MONGODB_USER/,
    ],
  ];
  for (const [file, message] of cases) {
    const error = await refusal(file);
    assert.match(error.message, message);
    assert.ok(!inspect(error).includes("hunter2"));
  }
});

test("parts beside a URI must say what it says", async () => {
  const uri = "mongodb://u:p%40@h:27018/app?authSource=x&tls=true";
  const agreeing = {
    MONGODB_HOST: "h",
    MONGODB_PORT: "27018",
    MONGODB_USERNAME: "u",
    MONGODB_PASSWORD: "p@",
    MONGODB_AUTH_SOURCE: "x",
    MONGODB_TLS: "yes",
  };
  assert.equal(await uriOf({ MONGODB_URI: uri, ...agreeing }), uri);
  const other = {
    MONGODB_HOST: "i",
    MONGODB_PORT: "1",
    MONGODB_USERNAME: "v",
    MONGODB_PASSWORD: "q",
    MONGODB_AUTH_SOURCE: "y",
    MONGODB_TLS: "no",
  };
  for (const [name, value] of Object.entries(other)) {
    const error = await refusal({ MONGODB_URI: uri, ...agreeing, [name]: value });
    assert.match(error.message, new RegExp(`MONGODB_(HOST|${name.slice(8)}) and MONGODB_URI`));
  }
});

test("a login without a host is a warning, for the .env may hold it for a container", async () => {
  const { uri, warnings } = await load({ MONGODB_USERNAME: "u", MONGODB_PASSWORD: "p" });
  assert.equal(uri, null);
  assert.deepEqual(warnings, [
    "MONGODB_USERNAME is set, but neither MONGODB_HOST nor MONGODB_URI is",
  ]);
});

test("MONGODB_DATABASE beats the URI's path, which beats DB_NAME; admin names none", async () => {
  const of = async (file: Env) => {
    const { databases, warnings } = await load(file);
    return [databases, warnings.length];
  };
  const path = { MONGODB_URI: "mongodb://h/app" };
  assert.deepEqual(await of({ ...path, MONGODB_DATABASE: "a, b" }), [["a", "b"], 0]);
  assert.deepEqual(await of({ ...path, DB_NAME: "other" }), [["app"], 1]);
  assert.deepEqual(await of({ ...path, DB_NAME: "app" }), [["app"], 0]);
  assert.deepEqual(await of({ MONGODB_URI: "mongodb://h/admin", DB_NAME: "x" }), [["x"], 0]);
  assert.deepEqual(await of({ MONGODB_URI: "mongodb://h/admin" }), [null, 0]);
  assert.deepEqual(await of({ MONGODB_URI: "mongodb://h/?tls=true", MONGODB_DB: "d" }), [["d"], 0]);
  assert.match(
    (await refusal({ ...path, MONGODB_DATABASE: "a", MONGODB_DB: "b" })).message,
    /MONGODB_DATABASE and MONGODB_DB/,
  );
});

test("a malformed URI names its setting and the reason, and shows nothing of itself", async () => {
  const cases: readonly [string, RegExp][] = [
    ["mongodb://u:hunt@er2@h/db", /more than one @/],
    ["mongodb://u:hunt/er2@h/db", /unescaped characters/],
    ["mongodb://u:hunter2%zz@h", /cannot be read/],
    ["mongodb://u:hunter2@", /no host/],
    ["localhost:27017", /does not begin with mongodb:/],
    ["mongodb+srv://u:hunter2@c.example.net:27017", /cannot have port/],
    ["mongodb://u:hunter2@h:99999", /65535/],
  ];
  for (const [uri, reason] of cases) {
    const error = await refusal({ MONGO_URI: uri });
    assert.match(error.message, reason, uri);
    assert.match(error.message, /^MONGO_URI is not a mongodb URI/);
    assert.ok(!/hunt|er2/.test(inspect(error)), inspect(error));
  }
});

test("a URI is refused here only where the driver's own client refuses it", async () => {
  const piece = fc.constantFrom("a", "u:p", "@", "/", ":", "%41", "%", "#", "?", "b:1", ",", ".");
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 7 }), async (pieces) => {
      const uri = `mongodb://${pieces.join("")}`;
      const ours = await load({ MONGODB_URI: uri }).then(
        () => null,
        (error: unknown) => error,
      );
      if (driverTakes(uri)) assert.equal(ours, null, uri);
      else if (ours !== null) assert.equal((ours as KeepError).code, "bad-setting", uri);
    }),
    { numRuns: 150 },
  );
});

function driverTakes(uri: string): boolean {
  try {
    new MongoClient(uri);
    return true;
  } catch {
    return false;
  }
}
