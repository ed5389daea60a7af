// Dumps as they are found in public repositories: whatever stock mongorestore makes of them, mongokeep makes too.
import assert from "node:assert/strict";
import { cp, mkdir, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { BSON } from "mongodb";
import type { Document } from "mongodb";
import { dbHash, describeCatalog } from "../support/fidelity.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { copyOplog, oplogNow } from "../support/oplog-copy.ts";
import { requires } from "../support/requires.ts";
import { runStockTool } from "../support/stock-tools.ts";
import { temporaryFolder } from "../support/temporary.ts";
import type { Cleanup } from "../support/temporary.ts";
import { workspace } from "../support/workspace.ts";

const replicaSet = { topology: "replicaSet" } as const;

async function stateOf({ client, name, db }: FreshDatabase) {
  return { hashes: await dbHash(client, name), catalog: await describeCatalog(db) };
}

async function fill({ db }: FreshDatabase): Promise<void> {
  await db.collection("patients").insertMany([
    { a: 1, at: [1, 2] },
    { a: 2, at: [3, 4] },
  ]);
  await db.collection("patients").createIndexes([
    { key: { a: -1, b: 1.5 }, name: "a and b", sparse: true },
    { key: { at: "2d" }, name: "where", bits: 20, min: -10, max: 10 },
    { key: { note: "text" }, name: "words" },
  ]);
  await db.createCollection("none");
  await db.collection("q.bson.gz").insertOne({ of: "q.bson.gz" });
  await db.collection("q").insertOne({ of: "q" });
  await db.collection("q").createIndexes([{ key: { a: 1 }, unique: true }]);
}

/** The folder of the database in a dump by stock mongodump. */
async function dumpOf(t: Cleanup, fresh: FreshDatabase, ...flags: readonly string[]) {
  const path = join(await temporaryFolder(t), "dump");
  await runStockTool("mongodump", [...flags, `--uri=${fresh.uri}`, `--out=${path}`]);
  return join(path, fresh.name);
}

/** What stock mongorestore makes of `path`, and what mongokeep makes of it with its result. */
async function restoredByBoth(
  t: Cleanup,
  fresh: FreshDatabase,
  path: string,
  stockFlags: readonly string[],
) {
  await fresh.db.dropDatabase();
  await runStockTool("mongorestore", [...stockFlags, `--uri=${fresh.serverUri}`]);
  const stock = await stateOf(fresh);
  await fresh.db.dropDatabase();
  const place = await workspace(t, { MONGODB_URI: fresh.uri });
  const verified = await place.run(["verify", path, "--json"]);
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  const shown = await place.run(["show", path]);
  assert.equal(shown.code, 0, shown.stderr);
  assert.match(shown.stdout, /kind +a dump of mongodump.*\n +holds +\d+ collections?: .*patients/);
  const run = await place.run(["restore", path, "--confirm", "--json"]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  return { stock, ours: await stateOf(fresh), result: run.json() };
}

/** As mongodump of MongoDB 2.x wrote it: indexes in a collection of their own, options nowhere. */
async function makeOld(folder: string): Promise<void> {
  const indexes: Uint8Array[] = [];
  for (const file of await readdir(folder)) {
    if (!file.endsWith(".metadata.json")) continue;
    const text = await readFile(join(folder, file), "utf8");
    const read = BSON.EJSON.parse(text, { relaxed: false }) as Document;
    for (const { v: _, ...index } of read.indexes as Document[]) {
      const old = { v: 1, ...index, ns: `old.${read.collectionName}` };
      indexes.push(BSON.serialize(index.name === "_id_" ? old : { ...old, background: true }));
    }
    await rm(join(folder, file));
  }
  await writeFile(join(folder, "system.indexes.bson"), Buffer.concat(indexes));
}

/** Without what means nothing any more: mongorestore makes new indexes of old ones, and keeps `background`. */
const inShort = (state: unknown) =>
  JSON.stringify(state).replaceAll(/"v":\d,|"background":true,|,"background":true/g, "");

requires(
  replicaSet,
  "the indexes of a dump of MongoDB 2.x come out of its system.indexes",
  async (t, fresh) => {
    await fill(fresh);
    const folder = await dumpOf(t, fresh);
    await makeOld(folder);
    await writeFile(join(folder, "system.profile.bson"), BSON.serialize({ op: "query" }));
    await writeFile(join(folder, "system.users.bson"), BSON.serialize({ _id: 1, user: "old" }));
    await writeFile(join(folder, "ancient.bin"), BSON.serialize({ _id: 1 }));
    const flags = [`--db=${fresh.name}`, `--dir=${folder}`];
    const { stock, ours, result } = await restoredByBoth(t, fresh, folder, flags);
    assert.deepEqual(ours.hashes, stock.hashes);
    assert.equal(inShort(ours.catalog), inShort(stock.catalog));
    const names = (await fresh.db.collection("patients").indexes()).map((i) => i.name);
    assert.deepEqual(names.sort(), ["_id_", "a and b", "where", "words"]);
    assert.equal(await fresh.db.collection("ancient").countDocuments(), 1);
    assert.match(String(result.warnings), /server's own state is not restored: .*system\.profile/);
  },
);

requires(
  replicaSet,
  "names that look like suffixes, links within the dump and compressed files come back",
  async (t, fresh) => {
    await fill(fresh);
    for (const [flags, suffix] of [
      [[], ""],
      [["--gzip"], ".gz"],
    ] as const) {
      const folder = await dumpOf(t, fresh, ...flags);
      await symlink(`q.bson${suffix}`, join(folder, `same.bson${suffix}`));
      await symlink(`q.metadata.json${suffix}`, join(folder, `same.metadata.json${suffix}`));
      await writeFile(join(folder, ".DS_Store"), "");
      const dump = join(folder, "..");
      const both = await restoredByBoth(t, fresh, dump, [...flags, `--dir=${dump}`]);
      assert.deepEqual(both.ours, both.stock);
      assert.equal(await fresh.db.collection("same").countDocuments(), 1);
      assert.match(String(both.result.warnings), /left out: .*\.DS_Store/);
      await fresh.db.collection("same").drop();
    }
  },
);

requires(
  replicaSet,
  "a single .bson file is restored into the database that its folder is called, or another one",
  async (t, fresh) => {
    await fill(fresh);
    const folder = await dumpOf(t, fresh);
    const file = join(folder, "patients.bson");
    const { stock, ours } = await restoredByBoth(t, fresh, file, [file]);
    assert.deepEqual(ours, stock);
    assert.deepEqual(Object.keys(ours.hashes), ["patients"]);
    const odd = join(folder, "..", "of. last week");
    await mkdir(odd);
    for (const suffix of ["bson", "metadata.json"])
      await cp(join(folder, `patients.${suffix}`), join(odd, `patients.${suffix}`));
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    const path = join(odd, "patients.bson");
    const unnamed = await place.run(["restore", path, "--confirm", "--json"]);
    assert.equal(unnamed.code, 2, unnamed.stdout);
    assert.match(unnamed.json().error.hint, /--db "of\. last week=/);
    await fresh.db.dropDatabase();
    const args = ["restore", path, "--confirm", "--json", `--db`, `of. last week=${fresh.name}`];
    const named = await place.run(args);
    assert.equal(named.code, 0, named.stdout + named.stderr);
    assert.deepEqual(await stateOf(fresh), stock);
    const extracted = await place.run(["diff", file, "--json"]);
    assert.equal(extracted.code, 0, extracted.stdout + extracted.stderr);
  },
);

requires(
  replicaSet,
  "a folder with nothing but an oplog is replayed, and refused where it is of collections that it lacks",
  async (t, fresh) => {
    const before = await oplogNow(fresh.client);
    await fill(fresh);
    const whole = await stateOf(fresh);
    const all = await copyOplog(fresh.client, before);
    // Other tests write to the same server.
    const log = Buffer.concat(all.filter((entry) => entry.includes(fresh.name)));
    const then = await oplogNow(fresh.client);
    await fresh.db.collection("q").insertOne({ a: 1 });
    const later = (await copyOplog(fresh.client, then)).filter((e) => e.includes(fresh.name));
    const path = join(await temporaryFolder(t), "dump");
    await mkdir(path);
    const place = await workspace(t, { MONGODB_URI: fresh.serverUri });
    for (const bytes of [log, gzipSync(log)]) {
      await writeFile(join(path, "oplog.bson"), bytes);
      await fresh.db.dropDatabase();
      const run = await place.run(["restore", path, "--confirm", "--json"]);
      assert.equal(run.code, 0, run.stdout + run.stderr);
      assert.deepEqual((await stateOf(fresh)).hashes, whole.hashes);
      assert.deepEqual((await stateOf(fresh)).catalog, whole.catalog);
    }
    await writeFile(join(path, "oplog.bson"), Buffer.concat(later));
    const parted = await place.run(["restore", path, "--confirm", "--json"]);
    assert.notEqual(parted.code, 0);
    const { error } = parted.json() as { error: { message: string; hint: string } };
    assert.match(error.message, /neither the backup nor the log has this collection/);
    assert.deepEqual((await stateOf(fresh)).hashes, whole.hashes);
    assert.match(error.hint, /beside the databases.*mongorestore --oplogReplay/);
    await writeFile(join(path, "oplog.bson"), log.subarray(0, -5));
    const cut = await place.run(["verify", path, "--json"]);
    assert.equal(cut.code, 3, cut.stdout);
  },
);

requires(
  { ...replicaSet, alone: true },
  "the folder of one database comes with its users and roles, roles alone too",
  async (t, fresh) => {
    await fill(fresh);
    await fresh.db.command({ createRole: "reader", privileges: [], roles: ["read"] });
    await fresh.db.command({ createUser: "app", pwd: "x", roles: ["reader"] });
    const folder = await dumpOf(t, fresh, "--dumpDbUsersAndRoles");
    const accounts = async () => [
      ...(await fresh.db.command({ usersInfo: 1 })).users.map((u: Document) => u.user),
      ...(await fresh.db.command({ rolesInfo: 1 })).roles.map((r: Document) => r.role),
    ];
    const clear = async () => {
      await fresh.db.command({ dropAllUsersFromDatabase: 1 });
      await fresh.db.command({ dropAllRolesFromDatabase: 1 });
    };
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    const restore = async () => {
      await clear();
      const run = await place.run(["restore", folder, "--confirm", "--json"]);
      assert.equal(run.code, 0, run.stdout + run.stderr);
      return await accounts();
    };
    assert.deepEqual(await restore(), ["app", "reader"]);
    for (const kind of ["users", "roles"])
      await rename(
        join(folder, `$admin.system.${kind}.bson`),
        join(folder, `%24admin.system.${kind}.bson`),
      );
    assert.deepEqual(await restore(), ["app", "reader"]);
    await rm(join(folder, "%24admin.system.users.bson"));
    assert.deepEqual(await restore(), ["reader"]);
    await clear();
  },
);

requires(
  replicaSet,
  "a backup whose folder was copied under another name is verified and restored, and says so",
  async (t, fresh) => {
    await fill(fresh);
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    const { path, id } = (await place.run(["backup", "--json"])).json();
    const before = await stateOf(fresh);
    const copies = [
      join(place.folder, "before the upgrade"),
      join(place.backupDir, "2020-01-01_00-00-00"),
    ];
    for (const copy of copies) {
      await cp(path, copy, { recursive: true });
      await fresh.db.dropDatabase();
      for (const args of [["verify"], ["restore", "--confirm"]]) {
        const [verb = "", ...flags] = args;
        const named = copy.startsWith(place.backupDir) ? basename(copy) : copy;
        const run = await place.run([verb, named, "--json", ...flags]);
        assert.equal(run.code, 0, run.stdout + run.stderr);
        assert.match(String(run.json().warnings), new RegExp(`holds the backup ${id}`));
      }
      assert.deepEqual(await stateOf(fresh), before);
    }
    // Only the original stands for the data.
    const latest = await place.run(["restore", "latest", "--json"]);
    assert.equal(latest.json().backup, id);
  },
);
