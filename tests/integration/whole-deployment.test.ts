// Without a database named, everything but `local` is backed up: accounts, and of `config` what describes the cluster.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { dbHash, fillInteresting } from "../support/fidelity.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import { ownServer } from "../support/servers.ts";
import { workspace } from "../support/workspace.ts";

const admin = { user: "root", password: "r00t" };

test("all databases and accounts come back on a new server, and its own account stays", async (t) => {
  const old = await ownServer(t, { topology: "replicaSet", auth: admin });
  const fresh = await freshDatabase(t, old.uri);
  await fillInteresting(fresh.db);
  await fresh.client.db("shop").collection("orders").insertOne({ n: 1 });
  await fresh.db.command({ createUser: "app", pwd: "x", roles: ["readWrite"] });
  const defaults = { defaultWriteConcern: { w: 1, wtimeout: 777 } };
  await fresh.client.db("admin").command({ setDefaultRWConcern: 1, ...defaults });
  await fresh.client.withSession({}, (session) =>
    fresh.db.collection("retried").insertOne({ n: 1 }, { session }),
  );
  const before = await dbHash(fresh.client, fresh.name);
  const place = await workspace(t, { MONGODB_URI: old.uri });
  const backup = await place.run(["backup", "--json"]);
  assert.equal(backup.code, 0, backup.stdout + backup.stderr);
  assert.deepEqual(
    (await readdir(join(backup.json().path, "config"))).map((name) => name.split(".")[0]),
    ["settings", "settings"],
    "no sessions, no transactions",
  );
  const some = { user: "some", pwd: "x", roles: ["readAnyDatabase", "userAdminAnyDatabase"] };
  await fresh.client
    .db("admin")
    .command({ createUser: some.user, pwd: some.pwd, roles: some.roles });
  const uri = new URL(old.uri);
  uri.username = some.user;
  uri.password = some.pwd;
  await place.writeEnv({ MONGODB_URI: uri.toString(), BACKUP_DIR: place.at("others") });
  const without = await place.run(["backup", "--json"]);
  assert.equal(without.code, 0, without.stdout + without.stderr);
  assert.match(without.json().warnings.join(), /settings in config are not in this backup/);
  await fresh.client.db("admin").command({ dropUser: some.user });

  const rescue = { user: "rescue", password: "r3scue" };
  const next = await ownServer(t, { topology: "replicaSet", auth: rescue });
  await place.writeEnv({ MONGODB_URI: next.uri });
  const restored = await place.run(["restore", "latest", "--confirm", "--json"]);
  assert.equal(restored.code, 0, restored.stdout + restored.stderr);
  const there = await freshDatabase(t, next.uri);
  assert.deepEqual(await dbHash(there.client, fresh.name), before);
  assert.equal(await there.client.db("shop").collection("orders").countDocuments(), 1);
  const settings = await there.client.db("config").collection("settings").findOne();
  assert.equal(settings?.defaultWriteConcern.wtimeout, 777);
  const { users } = await there.client.db("admin").command({ usersInfo: { forAllDBs: true } });
  assert.deepEqual(
    users.map((u: { user: string }) => u.user).sort(),
    ["app", "rescue", "root"],
    "merged: nobody is locked out",
  );
  await there.client.db(fresh.name).dropDatabase();
  await there.client.db("shop").dropDatabase();
});

test("accounts that are left out are named, and a rollback backs up those that it replaces", async (t) => {
  const server = await ownServer(t, { topology: "replicaSet", auth: admin });
  const fresh = await freshDatabase(t, server.uri);
  await fresh.db.collection("patients").insertOne({ n: 1 });
  const place = await workspace(t, { MONGODB_URI: server.uri });
  const without = await place.run(["backup", "--exclude", "admin", "--manual", "--json"]);
  assert.equal(without.code, 0, without.stdout + without.stderr);
  assert.match(without.json().warnings.join(), /users and roles are not in this backup: admin/);
  const shown = (await place.run(["show", without.json().id, "--json"])).json();
  assert.equal(shown.manifest.users, "not included");

  await fresh.db.command({ createUser: "app", pwd: "x", roles: ["read"] });
  const whole = (await place.run(["backup", "--manual", "--json"])).json();
  for (const args of [
    ["restore", whole.id],
    ["restore", "--drop-aside"],
  ]) {
    const run = await place.run([...args, "--confirm", "--json"]);
    assert.equal(run.code, 0, run.stdout + run.stderr);
  }
  const back = await place.run(["rollback", "--confirm", "--json"]);
  assert.equal(back.code, 0, back.stdout + back.stderr);
  const before = (await place.run(["show", back.json().preRestoreBackup, "--json"])).json();
  assert.equal(before.manifest.users, "included");
  const names = before.manifest.collections.map(
    (c: { database: string; name: string }) => `${c.database}.${c.name}`,
  );
  assert.ok(names.includes("admin.system.users"), names.join());
});
