// The promise, end to end: what is backed up comes back, judged by the server's own hash.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { dbHash, describeCatalog, fillInteresting } from "../support/fidelity.ts";
import { requires } from "../support/requires.ts";
import { runStockTool } from "../support/stock-tools.ts";
import { withDatabase } from "../support/fresh-database.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { workspace } from "../support/workspace.ts";

for (const topology of ["replicaSet", "standalone"] as const)
  for (const compression of ["gzip", "zstd", "none"] as const)
    requires(
      { topology },
      `everything comes back exactly, through ${compression}`,
      async (t, fresh) => {
        const place = await workspace(t, {
          MONGODB_URI: fresh.uri,
          BACKUP_COMPRESSION: compression,
        });
        await fillInteresting(fresh.db);
        const before = await dbHash(fresh.client, fresh.name);
        const catalog = await describeCatalog(fresh.db);
        const backup = (await place.run(["backup", "--json"])).json();
        assert.equal(backup.ok, true, JSON.stringify(backup));
        assert.equal(backup.consistency.mode, topology === "replicaSet" ? "snapshot" : "none");
        assert.deepEqual(backup.verification, { ok: true, level: "full" });
        await fresh.db.dropDatabase();
        const restored = (await place.run(["restore", "latest", "--confirm", "--json"])).json();
        assert.equal(restored.ok, true, JSON.stringify(restored));
        assert.equal(restored.preRestoreBackup, null, "there was nothing to protect");
        assert.equal(restored.targetWasEmpty, true);
        assert.ok(restored.collections.every((c: { equal: boolean }) => c.equal));
        assert.deepEqual(await dbHash(fresh.client, fresh.name), before);
        assert.deepEqual(await describeCatalog(fresh.db), catalog);
      },
    );

requires(
  { topology: "replicaSet" },
  "a restore over changed data protects it first, and rollback takes it back",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    await fillInteresting(fresh.db);
    const then = await dbHash(fresh.client, fresh.name);
    const { id } = (await place.run(["backup", "--manual", "--json"])).json();
    await fresh.db.collection("patients").deleteMany({ risk: { $gt: 0.3 } });
    await fresh.db.collection("oddities").drop();
    await fresh.db.collection("later").insertOne({ only: "live" });
    const now = await dbHash(fresh.client, fresh.name);
    const plan = (await place.run(["restore", id, "--json"])).json();
    assert.equal(plan.planned, true);
    assert.equal(plan.restored, false);
    assert.deepEqual(plan.plan.keptLive, [`${fresh.name}.later`]);
    assert.deepEqual(await dbHash(fresh.client, fresh.name), now, "a plan changes nothing");

    const restored = (await place.run(["restore", id, "--confirm", "--json"])).json();
    assert.equal(restored.ok, true, JSON.stringify(restored));
    assert.match(restored.preRestoreBackup, /^\d{4}-/);
    const { later, ...rest } = await dbHash(fresh.client, fresh.name);
    assert.deepEqual(rest, then);
    assert.equal(later, now.later, "what exists only live stays");

    const back = (await place.run(["rollback", "--confirm", "--json"])).json();
    assert.equal(back.ok, true, JSON.stringify(back));
    assert.equal(back.rolledBack, true);
    assert.deepEqual(await dbHash(fresh.client, fresh.name), now);

    const again = (await place.run(["rollback", back.restoreId, "--confirm", "--json"])).json();
    assert.equal(again.ok, true, "a rollback can itself be taken back");
    assert.deepEqual((await dbHash(fresh.client, fresh.name)).oddities, then.oddities);
  },
);

requires(
  { topology: "replicaSet" },
  "a restore beside the live data, of some collections, touches nothing else",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    await fillInteresting(fresh.db);
    const before = await dbHash(fresh.client, fresh.name);
    await place.run(["backup"]);
    const other = fresh.otherName();
    const args = ["--db", `${fresh.name}=${other}`, "--only", `${fresh.name}.p*`];
    const restored = await place.run(["restore", "latest", "--confirm", "--json", ...args]);
    assert.equal(restored.code, 0, restored.stderr);
    assert.deepEqual(await dbHash(fresh.client, other), { patients: before.patients });
    assert.deepEqual(await dbHash(fresh.client, fresh.name), before);
  },
);

requires(
  { topology: "replicaSet" },
  "stock mongorestore restores our backup with mongokeep gone",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    await fillInteresting(fresh.db);
    // mongorestore 100.7 lets the server replace Timestamp(0,0) by the present (TOOLS-3540).
    await fresh.db.collection("oddities").updateMany({}, { $unset: { empty: 1 } });
    const before = await dbHash(fresh.client, fresh.name);
    const { path } = (await place.run(["backup", "--json"])).json();
    await fresh.db.dropDatabase();
    await runStockTool("mongorestore", [
      `--uri=${fresh.serverUri}`,
      "--gzip",
      "--bypassDocumentValidation",
      `--dir=${path}`,
    ]);
    assert.deepEqual(await dbHash(fresh.client, fresh.name), before);
  },
);

for (const gzip of [true, false])
  requires(
    { topology: "replicaSet" },
    `a dump of stock mongodump ${gzip ? "with" : "without"} --gzip verifies and restores`,
    async (t, fresh) => {
      const place = await workspace(t, { MONGODB_URI: fresh.uri });
      await fillInteresting(fresh.db);
      const before = await hashWithoutViews(fresh);
      const catalog = await describeCatalog(fresh.db);
      const dump = place.at("dump");
      await runStockTool("mongodump", [
        `--uri=${withDatabase(fresh.serverUri, fresh.name)}`,
        `--out=${dump}`,
        ...(gzip ? ["--gzip"] : []),
      ]);
      assert.equal((await place.run(["verify", dump])).code, 0);
      await fresh.db.dropDatabase();
      const restored = await place.run(["restore", dump, "--confirm", "--json"]);
      assert.equal(restored.code, 0, restored.stdout + restored.stderr);
      assert.deepEqual(await hashWithoutViews(fresh), before);
      assert.deepEqual(await describeCatalog(fresh.db), catalog);
    },
  );

/** mongodump 100.7 shuffles the keys of options (TOOLS-3411), so that the bytes of a view's entry differ. */
async function hashWithoutViews(fresh: FreshDatabase): Promise<Record<string, string>> {
  const { "system.views": _shuffled, ...rest } = await dbHash(fresh.client, fresh.name);
  return rest;
}

requires(
  { topology: "standalone", alone: true },
  "users and roles of the database come back, and nobody is locked out",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    await fresh.db.collection("patients").insertOne({ a: 1 });
    const privileges = [
      { resource: { db: fresh.name, collection: "patients" }, actions: ["find"] },
    ];
    await fresh.db.command({ createRole: "reader", privileges, roles: [] });
    await fresh.db.command({ createUser: "app", pwd: "secret", roles: ["reader"] });
    assert.equal((await place.run(["backup"])).code, 0);
    await fresh.db.command({ dropUser: "app" });
    await fresh.db.command({ dropRole: "reader" });
    await fresh.db.command({ createUser: "later", pwd: "secret", roles: [] });
    const restored = await place.run(["restore", "latest", "--confirm", "--json"]);
    assert.equal(restored.code, 0, restored.stdout);
    const { users } = await fresh.db.command({ usersInfo: 1 });
    assert.deepEqual(
      users.map((u: { user: string }) => u.user).sort(),
      ["app", "later"],
      "merged in, never removed",
    );
    const back = await place.run(["rollback"]);
    assert.match(back.stderr, /users and roles that the restore .* brought .* stay/);
    await fresh.db.command({ dropAllUsersFromDatabase: 1 });
    await fresh.db.command({ dropAllRolesFromDatabase: 1 });
  },
);

requires(
  { topology: "replicaSet" },
  "the manifest says what the backup holds, without a secret",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri, BACKUP_TIMEZONE: "Europe/Berlin" });
    await fresh.db.collection("patients").insertMany([{ a: 1 }, { a: 2 }]);
    await fresh.db.createCollection("empty");
    const args = ["backup", "--manual", "--note", "before migration X", "--json"];
    const backup = (await place.run(args)).json();
    const text = await readFile(join(backup.path, "manifest.json"), "utf8");
    const manifest = JSON.parse(text);
    assert.equal(manifest.type, "manual");
    assert.equal(manifest.note, "before migration X");
    assert.deepEqual(manifest.databases, [fresh.name]);
    assert.equal(manifest.totals.documents, 2);
    assert.deepEqual(
      manifest.collections.map((c: { name: string; documents: number }) => [c.name, c.documents]),
      [
        ["empty", 0],
        ["patients", 2],
      ],
    );
    assert.equal(Object.keys(manifest).at(-1), "sha256");
    assert.equal(manifest.server.topology, "replicaSet");
  },
);

requires(
  { topology: "replicaSet" },
  "excluded collections are left out, and a name that does not exist is reported",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    await fresh.db.collection("patients").insertOne({ a: 1 });
    await fresh.db.collection("sessions").insertOne({ a: 1 });
    const exclude = (name: string) => ["--exclude", `${fresh.name}.${name}`];
    const args = ["backup", "--json", ...exclude("sessions"), ...exclude("sesions")];
    const backup = (await place.run(args)).json();
    assert.equal(backup.totals.collections, 1);
    assert.deepEqual(backup.warnings, [
      `"${fresh.name}.sesions" is to be excluded, and does not exist`,
    ]);
  },
);
