// Stock mongodump and mongorestore log in wherever the native engine does, however the settings say who and where.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { MongoClient } from "mongodb";
import { pathWithTools } from "../support/stock-tools.ts";
import { ROOT, tlsReplicaSet } from "../support/servers.ts";
import { atEnd } from "../support/temporary.ts";
import { workspace } from "../support/workspace.ts";
import type { EnvValues } from "../support/workspace.ts";

test("mongodump and mongorestore log in with every way to name a login and a place", async (t) => {
  const { server, certificates } = await tlsReplicaSet(t);
  const client = await MongoClient.connect(server.uri);
  atEnd(t, () => client.close());
  const patients = client.db("surg").collection<{ _id: number }>("patients");
  await patients.insertMany([{ _id: 1 }, { _id: 2 }]);
  const roles = [{ role: "root", db: "admin" }];
  await client.db("surg").command({ createUser: "own", pwd: "p", roles });
  await client
    .db("admin")
    .command({ createUser: "old", pwd: "p", roles, mechanisms: ["SCRAM-SHA-1"] });
  const PATH = await pathWithTools();
  const host = new URL(server.uri).host;
  const login = `${encodeURIComponent(ROOT.user)}:${encodeURIComponent(ROOT.password)}`;
  const tls = `tls=true&tlsCAFile=${encodeURIComponent(certificates.caFile)}`;
  const uri = (user: string, path: string, options = "") => ({
    MONGODB_URI: `mongodb://${user}@${host}/${path}?${tls}${options}`,
    MONGODB_DATABASE: "surg",
  });
  const ways: Readonly<Record<string, EnvValues>> = {
    "parts without MONGODB_AUTH_SOURCE": {
      MONGODB_HOST: host,
      MONGODB_USERNAME: ROOT.user,
      MONGODB_PASSWORD: ROOT.password,
      MONGODB_TLS_CA_FILE: certificates.caFile,
      MONGODB_DATABASE: "surg",
    },
    "a URI without authSource and without a database": uri(login, ""),
    "a user of the database in the URI's path": uri("own:p", "surg"),
    "a mechanism, a set's name, a direct connection and compressors": uri(
      "old:p",
      "surg",
      "&authSource=admin&authMechanism=SCRAM-SHA-1&directConnection=true&compressors=zlib,snappy",
    ),
    "a certificate that is not checked": uri(login, "", "&tlsAllowInvalidCertificates=true"),
  };
  for (const [way, env] of Object.entries(ways))
    await t.test(way, async (t) => {
      const place = await workspace(t, { ...env, BACKUP_ENGINE: "mongodump" });
      const { checks } = (await place.run(["doctor", "--json"], { env: { PATH } })).json();
      const said = checks.filter(({ name }: { name: string }) => name === "tools");
      const found = said.map((one: { state: string; message: string }) => `${one.state} ${one.message}`); // prettier-ignore
      assert.match(
        found.join("\n"),
        /^ok mongodump \S+ is installed\nok mongodump logs in as mongokeep does\nok mongorestore logs in/,
      );
      const backup = await place.run(["backup", "--json"], { env: { PATH } });
      assert.equal(backup.code, 0, backup.stderr);
      assert.equal(backup.json().engine, "mongodump", backup.stderr);
      await patients.deleteOne({ _id: 1 });
      const args = ["restore", "latest", "--engine", "mongodump", "--confirm", "--skip-pre-backup"];
      const restore = await place.run([...args, "--json"], { env: { PATH } });
      assert.equal(restore.code, 0, restore.stderr);
      assert.doesNotMatch(restore.stderr, /native engine/);
      assert.equal(await patients.countDocuments(), 2);
    });

  await t.test("doctor fails where mongodump does not get in, as the night would", async (t) => {
    // As one of these tools of an age that knows another mechanism, or reads the URI otherwise.
    const place = await workspace(t, { ...uri(login, ""), BACKUP_ENGINE: "mongodump" });
    const tools = { mongodump: "error connecting to db server: unable to authenticate using mechanism", mongorestore: "could not connect" }; // prettier-ignore
    await mkdir(place.at("bin"));
    for (const [tool, said] of Object.entries(tools)) {
      const text = `#!/bin/sh\n[ "$1" = --version ] && echo "${tool} version: 100.0.0" && exit 0\necho "${said}" >&2\nexit 1\n`;
      await writeFile(place.at("bin", tool), text, { mode: 0o755 });
    }
    const env = { PATH: `${place.at("bin")}:${process.env.PATH ?? ""}` };
    const run = await place.run(["doctor", "--json"], { env });
    assert.equal(run.code, 1, run.stdout);
    const said = run.json().checks.filter(({ name }: { name: string }) => name === "tools");
    assert.deepEqual(said.map(({ state }: { state: string }) => state), ["ok", "fail", "warn"]);
    assert.match(said[1].message, /mongodump.*unable to authenticate/);
    assert.match(said[1].hint, /authSource/);
    assert.notEqual((await place.run(["backup"], { env })).code, 0);
  }); // prettier-ignore

  await t.test(
    "what mongodump would pass over is left to the native engine, and said",
    async (t) => {
      const env = uri(login, "", "&tlsAllowInvalidHostnames=true");
      const place = await workspace(t, { ...env, BACKUP_ENGINE: "mongodump" });
      const backup = await place.run(["backup", "--json"], { env: { PATH } });
      assert.equal(backup.code, 0, backup.stderr);
      assert.equal(backup.json().engine, "native");
      assert.match(backup.json().warnings.join("\n"), /tlsAllowInvalidHostnames.*native engine/);
    },
  );
});
