// Backups that come with an oplog, restored from end to end: what was written while they were made is there.
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { BSON } from "mongodb";
import type { Db } from "mongodb";
import { dbHash, describeCatalog, fillInteresting } from "../support/fidelity.ts";
import { withDatabase } from "../support/fresh-database.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { copyOplog, oplogNow } from "../support/oplog-copy.ts";
import { requires } from "../support/requires.ts";
import { runStockTool } from "../support/stock-tools.ts";
import { temporaryFolder } from "../support/temporary.ts";
import type { Cleanup } from "../support/temporary.ts";
import { workspace } from "../support/workspace.ts";

const LATER = 10 * 365 * 86_400;

interface Dump {
  readonly path: string;
  readonly gzip: readonly string[];
}

/** A dump by stock mongodump, and all that was written between its first and last moment as its oplog. */
async function dumpAround(
  t: Cleanup,
  fresh: FreshDatabase,
  act: () => Promise<void>,
  { gzip = false, more = [] }: { gzip?: boolean; more?: readonly Buffer[] } = {},
): Promise<Dump> {
  const path = join(await temporaryFolder(t), "dump");
  const flag = gzip ? ["--gzip"] : [];
  const before = await oplogNow(fresh.client);
  await runStockTool("mongodump", [...flag, `--uri=${fresh.uri}`, `--out=${path}`]);
  await act();
  const all = await copyOplog(fresh.client, before);
  // Other tests write to the same server, and mongorestore takes everything.
  const own = all.filter((entry) => entry.includes(fresh.name));
  const log = Buffer.concat([...own, ...more]);
  await writeFile(join(path, "oplog.bson"), gzip ? gzipSync(log) : log);
  return { path, gzip: flag };
}

async function changeMuch(db: Db): Promise<void> {
  await db.collection("patients").updateMany({ risk: { $gt: 0.5 } }, { $set: { late: true } });
  await db.collection("patients").deleteMany({ risk: { $lt: 0.1 } });
  await db.collection("patients").dropIndex("email_1");
  await db.collection("patients").createIndex({ late: 1 });
  await db.collection("new").insertMany([{ a: 1 }, { a: 2 }]);
  await db.collection("new").createIndexes([{ key: { a: 1 }, unique: true }]);
  await db.collection("new").createIndexes([{ key: { at: 1 }, expireAfterSeconds: LATER }]);
  await db.collection("new").rename("newer");
  await db.collection("brief").insertOne({ a: 1 });
  await db.collection("brief").drop();
  await db.collection("oddities").drop();
  const out = [{ $match: { late: true } }, { $out: "out" }];
  await db.collection("patients").aggregate(out).toArray();
  await db.createCollection("late view", { viewOn: "newer", pipeline: [{ $match: { a: 2 } }] });
}

/** Definitions of views hold the database's name. */
async function stateOf(fresh: FreshDatabase, database = fresh.name) {
  const { "system.views": _views, ...hashes } = await dbHash(fresh.client, database);
  return { hashes, catalog: await describeCatalog(fresh.client.db(database)) };
}

for (const [mode, flags] of [
  ["beside the live data", []],
  ["in place", ["--in-place"]],
] as const)
  requires(
    { topology: "replicaSet" },
    `a dump with its oplog comes back as it was at the log's end, ${mode}, and goes again`,
    async (t, fresh) => {
      await fillInteresting(fresh.db);
      const { path } = await dumpAround(t, fresh, () => changeMuch(fresh.db));
      const then = await stateOf(fresh);
      await fresh.db.collection("patients").deleteMany({});
      await fresh.db.collection("newer").insertOne({ late: "written since" });
      await fresh.db.collection("only live").insertOne({ a: 1 });
      const now = await stateOf(fresh);
      const place = await workspace(t, { MONGODB_URI: fresh.uri });
      const run = async (...args: string[]) => (await place.run([...args, "--json"])).json();

      const plan = await run("restore", path, ...flags);
      assert.equal(plan.ok, true, JSON.stringify(plan));
      assert.deepEqual(plan.plan.oplog.removes, [`${fresh.name}.oddities`]);
      const made = plan.plan.collections.filter((c: { fromOplog?: true }) => c.fromOplog);
      assert.deepEqual(
        made.map((c: { action: string; name: string }) => `${c.action} ${c.name}`).sort(),
        ["replace late view", "replace newer", "replace out"],
      );
      assert.deepEqual(await stateOf(fresh), now, "a plan changes nothing");

      const restored = await run("restore", path, "--confirm", ...flags);
      assert.equal(restored.ok, true, JSON.stringify(restored));
      assert.equal(restored.mode, flags.length > 0 ? "in-place" : "staged");
      assert.ok(restored.oplog.applied > 0);
      assert.deepEqual(without(await visible(fresh), "only live"), then);

      const back = await run("rollback", "--confirm");
      assert.equal(back.ok, true, JSON.stringify(back));
      assert.deepEqual(await visible(fresh), now);
    },
  );

type State = Awaited<ReturnType<typeof stateOf>>;

function without({ hashes, catalog }: State, left: string): State {
  const { [left]: _left, ...others } = hashes;
  return { hashes: others, catalog: catalog.filter(({ name }) => name !== left) };
}

/** Without what a restore keeps aside. */
async function visible(fresh: FreshDatabase) {
  const { hashes, catalog } = await stateOf(fresh);
  const isOwn = (name: string) => name.startsWith("__mongokeep_");
  return {
    hashes: Object.fromEntries(Object.entries(hashes).filter(([name]) => !isOwn(name))),
    catalog: catalog.filter((one) => !isOwn(String(one.name))),
  };
}

for (const gzip of [false, true])
  requires(
    { topology: "replicaSet" },
    `mongokeep and stock mongorestore make the same of a dump with an oplog${gzip ? ", with --gzip" : ""}`,
    async (t, fresh) => {
      await fillInteresting(fresh.db);
      const act = async () => {
        await fresh.db.collection("patients").updateMany({}, { $inc: { risk: 1 } });
        await fresh.db.collection("patients").createIndex({ risk: -1 });
        await fresh.db.collection("made").insertOne({ a: 1 });
        await fresh.db.collection("made").rename("kept");
      };
      const dump = await dumpAround(t, fresh, act, { gzip });
      const source = await stateOf(fresh);
      await fresh.db.dropDatabase();
      const place = await workspace(t, { MONGODB_URI: fresh.uri });
      const restored = await place.run(["restore", dump.path, "--confirm", "--json"]);
      assert.equal(restored.json().ok, true, restored.stdout);
      const ours = await stateOf(fresh);
      assert.deepEqual(ours, source);
      await fresh.db.dropDatabase();
      await runStockTool("mongorestore", [
        ...[...dump.gzip, `--uri=${fresh.serverUri}`, "--oplogReplay"],
        ...["--bypassDocumentValidation", `--dir=${dump.path}`],
      ]);
      // It replaces empty timestamps by the present (TOOLS-3540), which are in there.
      const theirs = without(await stateOf(fresh), "oddities");
      assert.deepEqual(theirs.hashes, without(ours, "oddities").hashes);
    },
  );

requires(
  { topology: "replicaSet" },
  "an oplog is replayed into a database of another name, and only onto what is asked for",
  async (t, fresh) => {
    await fresh.db.collection("a").insertOne({ a: 1 });
    await fresh.db.collection("b").insertOne({ b: 1 });
    const dump = await dumpAround(t, fresh, async () => {
      await fresh.db.collection("a").insertOne({ a: 2 });
      await fresh.db.collection("b").insertOne({ b: 2 });
      await fresh.db
        .collection("a")
        .aggregate([{ $out: "out of a" }])
        .toArray();
      await fresh.db.collection("b").rename("c");
    });
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    const as = fresh.otherName();
    const run = async (...args: string[]) =>
      (await place.run(["restore", dump.path, ...args, "--confirm", "--json"])).json();
    const copied = await run("--db", `${fresh.name}=${as}`);
    assert.equal(copied.ok, true, JSON.stringify(copied));
    assert.deepEqual(await stateOf(fresh, as), await stateOf(fresh));

    const before = await stateOf(fresh);
    await fresh.db.collection("out of a").drop();
    await fresh.db.collection("c").insertOne({ stays: true });
    const kept = await stateOf(fresh);
    const part = await run("--only", `${fresh.name}.out of a`, "--only", `${fresh.name}.a`);
    assert.equal(part.ok, true, JSON.stringify(part));
    assert.ok(part.oplog.skipped > 0);
    const { hashes } = await visible(fresh);
    assert.equal(hashes["out of a"], before.hashes["out of a"]);
    assert.equal(hashes.c, kept.hashes.c);
    const alone = await run("--only", `${fresh.name}.c`);
    assert.match(
      alone.error?.message ?? alone.message ?? JSON.stringify(alone),
      /not part of this restore|names nothing/,
    );
  },
);

requires(
  { topology: "replicaSet" },
  "time series and what becomes of another kind are replayed too",
  async (t, fresh) => {
    await fresh.db.createCollection("weather", { timeseries: { timeField: "at" } });
    await fresh.db.collection("weather").insertOne({ at: new Date(), t: 1 });
    await fresh.db.collection("turns").insertOne({ a: 1 });
    const series = await dumpAround(t, fresh, async () => {
      await fresh.db.collection("weather").insertOne({ at: new Date(), t: 2 });
      await fresh.db.createCollection("later", { timeseries: { timeField: "at" } });
      await fresh.db.collection("later").insertOne({ at: new Date(), t: 3 });
      await fresh.db.collection("turns").insertOne({ a: 2 });
    });
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    const restore = async (path: string) =>
      (await place.run(["restore", path, "--confirm", "--json"])).json();
    const then = await stateOf(fresh);
    await fresh.db.dropDatabase();
    const restored = await restore(series.path);
    assert.equal(restored.ok, true, JSON.stringify(restored));
    assert.deepEqual(await stateOf(fresh), then);
    const turned = await dumpAround(t, fresh, async () => {
      await fresh.db.collection("turns").drop();
      await fresh.db.createCollection("turns", { viewOn: "weather", pipeline: [] });
    });
    const changed = await stateOf(fresh);
    await fresh.db.dropDatabase();
    const again = await restore(turned.path);
    assert.equal(again.mode, "in-place", JSON.stringify(again));
    assert.deepEqual(await stateOf(fresh), changed);
  },
);

requires(
  { topology: "replicaSet" },
  "a log that cannot be replayed ends the restore before anything is changed",
  async (t, fresh) => {
    await fresh.db.collection("a").insertOne({ a: 1 });
    const strange = BSON.serialize({
      ...{ ts: new BSON.Timestamp({ t: 4_000_000_000, i: 1 }), op: "c", v: 2 },
      ...{ ns: `${fresh.name}.$cmd`, o: { importCollection: "a" } },
    });
    const act = async () => {
      await fresh.db.collection("a").insertOne({ a: 2 });
    };
    const dump = await dumpAround(t, fresh, act, { more: [Buffer.from(strange)] });
    const now = await stateOf(fresh);
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    for (const flags of [[], ["--confirm"]]) {
      const refused = await place.run(["restore", dump.path, ...flags]);
      assert.equal(refused.code, 2);
      assert.match(refused.stderr, /importCollection.* is not known/);
    }
    assert.deepEqual(await stateOf(fresh), now);
  },
);

requires(
  { topology: "standalone" },
  "a user who may not replay is told so before anything is changed",
  async (t, fresh) => {
    await fresh.db.collection("a").insertOne({ _id: 1 as never });
    const path = join(await temporaryFolder(t), "dump");
    await runStockTool("mongodump", [`--uri=${fresh.uri}`, `--out=${path}`]);
    const entry = {
      ...{ ts: new BSON.Timestamp({ t: 1, i: 1 }), op: "i", v: 2 },
      ...{ ns: `${fresh.name}.a`, o: { _id: 2 } },
    };
    await writeFile(join(path, "oplog.bson"), BSON.serialize(entry));
    const now = await stateOf(fresh);
    const admin = fresh.client.db("admin");
    const user = `restorer_${fresh.name}`;
    await admin.command({ createUser: user, pwd: "x", roles: ["backup", "restore"] });
    t.after(() => admin.command({ dropUser: user }).catch(() => null));
    const uri = new URL(withDatabase(fresh.serverUri, fresh.name));
    [uri.username, uri.password] = [user, "x"];
    uri.searchParams.set("authSource", "admin");
    const place = await workspace(t, { MONGODB_URI: uri.toString() });
    const refused = await place.run(["restore", path, "--confirm"]);
    assert.equal(refused.code, 1, refused.stderr);
    assert.match(refused.stderr, /cannot be restored here: the user lacks update, remove/);
    assert.match(refused.stderr, /readWriteAnyDatabase/);
    assert.deepEqual(await stateOf(fresh), now);
    await admin.command({ grantRolesToUser: user, roles: ["readWriteAnyDatabase"] });
    const restored = await place.run(["restore", path, "--confirm"]);
    assert.equal(restored.code, 0, restored.stderr);
    assert.deepEqual(
      await fresh.db
        .collection("a")
        .find()
        .map(({ _id }) => _id as unknown)
        .toArray(),
      [1, 2],
    );
  },
);
