// Collections that are replaced, renamed, made and dropped while a dump runs, slower than all of it: the backup is
// one instant, its end, and restores to exactly that.
import assert from "node:assert/strict";
import { globSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Db, Document, MongoClient } from "mongodb";
import type { RunningCli } from "../support/cli.ts";
import { dbHash, describeCatalog } from "../support/fidelity.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { untilReading, untilTrue, whileStopped } from "../support/held-dump.ts";
import { mongod, ownServer } from "../support/servers.ts";
import { pathWithTools } from "../support/stock-tools.ts";
import { workspace } from "../support/workspace.ts";
import type { Workspace } from "../support/workspace.ts";

const REPLICA_SET = { topology: "replicaSet", testCommands: true } as const;
/** MB a second: `big`, which is read first, takes two seconds. */
const SLOW = { BACKUP_MAX_RATE: "1", BACKUP_COMPRESSION: "none" };

/** Between two turns: a few times while one collection is read, and several times during a dump. */
const PAUSES_MS = [20, 150, 1_500];
const RUNS = process.env.SLOW === "1" ? 20 : 2;

const some = (count: number, more: Document = {}) =>
  Array.from({ length: count }, (_, n) => ({ ...more, _id: n as never, text: "t".repeat(900) }));

async function fillBig(db: Db): Promise<void> {
  await db.collection("big").insertMany(some(2_000));
}

/** More of the file is on disk than its first documents. */
async function untilLong(
  { backupDir }: Workspace,
  running: RunningCli,
  file: string,
): Promise<void> {
  const isLong = async () => {
    const [path] = globSync(join(backupDir, ".*.partial", file));
    const found = path === undefined ? null : await stat(path).catch(() => null);
    return found !== null && found.size > 1_000_000;
  };
  await untilTrue(running, isLong, `${file} did not get long`);
}

async function stateOf({ client }: FreshDatabase, name: string) {
  // Views have the database's name in them: they are compared by the catalogue.
  const { "system.views": _, ...hashes } = await dbHash(client, name);
  return { hashes, catalog: await describeCatalog(client.db(name)) };
}

async function restored(place: Workspace, fresh: FreshDatabase, id: string, more: string[] = []) {
  const copy = fresh.otherName();
  const args = ["restore", id, "--db", `${fresh.name}=${copy}`, "--skip-pre-backup", ...more];
  const run = await place.run([...args, "--confirm", "--json"]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  return copy;
}

/** As $out begins one: the server drops it at its next start. */
async function makeTemporary(client: MongoClient, database: string, name: string): Promise<void> {
  const idIndex = { v: 2, key: { _id: 1 }, name: "_id_" };
  const create = { op: "c", ns: `${database}.$cmd`, o: { create: name, temp: true, idIndex } };
  await client.db("admin").command({ applyOps: [create] });
}

/** What may happen to a collection between the listing and its read. */
const MOVES: readonly ((db: Db) => Promise<unknown>)[] = [
  (db) => db.collection("renamed").rename("renamed_now"),
  (db) => db.collection("renamed_now").insertOne({ late: 1 }),
  (db) => db.collection("far").rename("farther"),
  (db) => db.collection("farther").rename("farthest"),
  // Two that change places.
  (db) => db.collection("left").rename("aside"),
  (db) => db.collection("right").rename("left"),
  (db) => db.collection("aside").rename("right"),
  (db) => db.collection("dropped").drop(),
  (db) => db.collection("again").drop(),
  (db) => db.collection("again").insertOne({ second: 1 }),
  (db) => db.collection("again").rename("again_renamed"),
  // One that had its name from another one, and gives it to a third.
  (db) => db.collection("winner").rename("loser", { dropTarget: true }),
  (db) => db.collection("winner").insertOne({ new: 1 }),
  (db) => db.collection("tmp.agg_out.first").insertOne({ last: 1 }),
  (db) => db.collection("tmp.agg_out.first").rename("out", { dropTarget: true }),
  (db) => db.collection("tmp.agg_out.second").rename("replaced", { dropTarget: true }),
  (db) =>
    db
      .collection("again_renamed")
      .aggregate([{ $out: "replaced" }])
      .toArray(),
  (db) => db.collection("tmp.agg_out.given_up").drop(),
  (db) => db.collection("indexed").createIndexes([{ key: { text: 1, n: 1 }, name: "by_text" }]),
  (db) => db.collection("indexed").dropIndex("old"),
  (db) => db.collection("capped").drop(),
  (db) => db.command({ convertToCapped: "to_cap", size: 1_000_000 }),
  (db) => db.command({ collMod: "checked", validator: { a: { $exists: true } } }),
];

const BEFORE =
  "renamed far left right dropped again winner loser out replaced indexed to_cap checked";

async function prepareMoves({ client, db, name }: FreshDatabase): Promise<void> {
  for (const [n, one] of BEFORE.split(" ").entries())
    await db.collection(one).insertMany(some(20 + n, { was: one }));
  await db.createCollection("capped", { capped: true, size: 4_096 });
  await db.collection("capped").insertMany(some(3));
  await db.collection("indexed").createIndexes([{ key: { was: 1 }, name: "old" }]);
  for (const one of ["first", "second", "given_up", "goes_on"]) {
    await makeTemporary(client, name, `tmp.agg_out.${one}`);
    await db.collection(`tmp.agg_out.${one}`).insertMany(some(7, { was: one }));
  }
  await db.collection("tmp.agg_out.first").createIndex({ was: 1 });
}

/** Enough to be read many at a time. */
const CROWD = 60;
const crowd = (n: number) => `crowd_${n}`;

/** What may happen to one of the small ones, by the last digit of its number; the others stay as they are. */
const CROWD_MOVES: Readonly<Record<number, (db: Db, name: string) => Promise<unknown>>> = {
  0: (db, name) => db.collection(name).rename(`${name}_now`),
  1: (db, name) => db.collection(name).drop(),
  2: async (db, name) => {
    await db.collection(name).drop();
    await db.collection(name).insertMany(some(2, { again: name }));
  },
  3: (db, name) =>
    db
      .collection(name)
      .aggregate([{ $set: { out: true } }, { $out: name }])
      .toArray(),
  // One takes the name of its neighbour, which stays as it is otherwise.
  4: (db, name) => db.collection(name).rename(`${name.slice(0, -1)}5`, { dropTarget: true }),
  6: (db, name) => db.collection(name).updateMany({}, { $set: { changed: true } }),
};

async function moveCrowd(db: Db, from: number, to: number): Promise<void> {
  for (let n = from; n < to; n++) await CROWD_MOVES[n % 10]?.(db, crowd(n));
}

test("collections that move", async (t) => {
  const { uri } = await ownServer(t, REPLICA_SET);

  await t.test("before they are read are restored as they were at the end", async (t) => {
    const fresh = await freshDatabase(t, uri);
    await fillBig(fresh.db);
    await prepareMoves(fresh);
    const place = await workspace(t, { MONGODB_URI: fresh.uri, ...SLOW });
    const running = place.start(["backup", "--json"]);
    await untilReading(place, running, fresh.name);
    await whileStopped(running, async () => {
      for (const move of MOVES) await move(fresh.db);
    });
    const backup = await running.result;
    assert.equal(backup.code, 0, backup.stdout + backup.stderr);
    assert.equal(backup.json().consistency.mode, "oplog", backup.stderr);
    assert.doesNotMatch(backup.stderr, /starts over/);
    const copy = await restored(place, fresh, backup.json().id);
    await fresh.db.collection("tmp.agg_out.goes_on").drop();
    const [is, was] = [await stateOf(fresh, copy), await stateOf(fresh, fresh.name)];
    assert.deepEqual(is, was);
  });

  await t.test("among many small ones, before and while those are read, too", async (t) => {
    const fresh = await freshDatabase(t, uri);
    await fillBig(fresh.db);
    const all = Array.from({ length: CROWD }, (_, n) => crowd(n));
    await Promise.all(
      all.map((name, n) => fresh.db.collection(name).insertMany(some(15 + (n % 7), { was: name }))),
    );
    const place = await workspace(t, { MONGODB_URI: fresh.uri, ...SLOW });
    const running = place.start(["backup", "--json"]);
    await untilReading(place, running, fresh.name);
    await whileStopped(running, () => moveCrowd(fresh.db, 0, CROWD / 2));
    const read = () => globSync(join(place.backupDir, ".*.partial", fresh.name, "crowd_*.bson"));
    const begun = read().length;
    await untilTrue(running, () => Promise.resolve(read().length > begun), "no small one was read");
    await whileStopped(running, () => moveCrowd(fresh.db, CROWD / 2, CROWD));
    const backup = await running.result;
    assert.equal(backup.code, 0, backup.stdout + backup.stderr);
    assert.equal(backup.json().consistency.mode, "oplog", backup.stderr);
    const copy = await restored(place, fresh, backup.json().id);
    assert.deepEqual(await stateOf(fresh, copy), await stateOf(fresh, fresh.name));
  });

  await t.test(
    "a document that was deleted and inserted again while it was read is restored once",
    async (t) => {
      const fresh = await freshDatabase(t, uri);
      // More than the server sends ahead of a slow reader.
      await fresh.db.collection("long").insertMany(some(40_000));
      const limit = { BACKUP_MAX_RATE: "8", BACKUP_COMPRESSION: "none" };
      const place = await workspace(t, { MONGODB_URI: fresh.uri, ...limit });
      const running = place.start(["backup", "--json"]);
      await untilReading(place, running, fresh.name);
      await whileStopped(running, () => fresh.db.collection("long").rename("longer"));
      await running.says(/read again, as longer/);
      await untilLong(place, running, `${fresh.name}/long.bson`);
      const longer = fresh.db.collection<{ _id: number; again: true }>("longer");
      await whileStopped(running, async () => {
        for (const _id of [1, 2, 3]) {
          await longer.deleteOne({ _id });
          await longer.insertOne({ _id, again: true });
        }
      });
      const backup = await running.result;
      assert.equal(backup.code, 0, backup.stdout + backup.stderr);
      const { id, totals } = backup.json();
      assert.equal(totals.documents, 40_003, "no document was read twice");
      const { path: MONGOD_BINARY } = await mongod();
      await place.writeEnv({ MONGODB_URI: fresh.uri, MONGOD_BINARY });
      const drill = await place.run(["drill", id, "--json"]);
      assert.equal(drill.code, 0, drill.stdout + drill.stderr);
      const copy = await restored(place, fresh, id);
      assert.deepEqual(await stateOf(fresh, copy), await stateOf(fresh, fresh.name));
    },
  );

  await t.test("all the while are restored as they were at one instant", async (t) => {
    const fresh = await freshDatabase(t, uri);
    await fillBig(fresh.db);
    const storm = await startStorm(fresh.db);
    const place = await workspace(t, { MONGODB_URI: fresh.uri, ...SLOW });
    try {
      for (let run = 1; run <= RUNS; run++) {
        const running = place.start(["backup", "--json"]);
        await untilReading(place, running, fresh.name);
        await whileStopped(running, () => storm.goesOn());
        const backup = await running.result;
        assert.equal(backup.code, 0, backup.stdout + backup.stderr);
        const { id, consistency } = backup.json();
        assert.equal(consistency.mode, "oplog", backup.stderr);
        assert.doesNotMatch(backup.stderr, /starts over/);
        await assertOneInstant(fresh.client.db(await restored(place, fresh, id)));
      }
    } finally {
      await storm.stop();
    }
  });
});

test("mongodump hands over to the native engine where collections are renamed", async (t) => {
  const { uri } = await ownServer(t, REPLICA_SET);
  const fresh = await freshDatabase(t, uri);
  await fresh.db.collection("here").insertMany(some(ROWS));
  const over = new AbortController();
  const pause = { ms: 50 };
  const walking = (async () => {
    for (let [from, to] = ["here", "there"]; !over.signal.aborted; [from, to] = [to, from]) {
      await fresh.db.collection(from).rename(to);
      await sleep(pause.ms);
    }
  })();
  const place = await workspace(t, { MONGODB_URI: uri, BACKUP_ENGINE: "mongodump" });
  try {
    const running = place.start(["backup", "--json"], { env: { PATH: await pathWithTools() } });
    await running.says(/the native engine makes this backup/);
    // It reads a collection that moves, but not one that never stands still for as long as it takes to read it.
    pause.ms = 2_000;
    const backup = await running.result;
    assert.equal(backup.code, 0, backup.stdout + backup.stderr);
    assert.equal(backup.json().engine, "native");
    await restored(place, fresh, backup.json().id);
  } finally {
    over.abort();
    await walking;
  }
});

test("without an oplog the collection that never stands still is named, and can be left out", async (t) => {
  const { uri } = await ownServer(t, { topology: "standalone" });
  const fresh = await freshDatabase(t, uri);
  await fillBig(fresh.db);
  const storm = await startStorm(fresh.db, ["out"]);
  const place = await workspace(t, { MONGODB_URI: fresh.uri, ...SLOW });
  try {
    const failed = await place.run(["backup", "--json"]);
    assert.equal(failed.code, 1, failed.stdout + failed.stderr);
    const { code, hint } = failed.json().error;
    assert.equal(code, "namespaces-changed");
    assert.ok(hint.includes(`--exclude ${fresh.name}.out`), hint);
    assert.deepEqual((await place.run(["list", "--json"])).json().backups, []);
    const left = await place.run(["backup", "--json", "--exclude", `${fresh.name}.out`]);
    assert.equal(left.code, 0, left.stdout + left.stderr);
  } finally {
    await storm.stop();
  }
});

const ROWS = 40;

/** What turns without end; each turn has its number, and writes it down before and after. */
const TURNS: Readonly<Record<string, (db: Db, turn: number) => Promise<unknown>>> = {
  out: (db, turn) =>
    db
      .collection("source")
      .aggregate([{ $set: { turn } }, { $out: "out" }])
      .toArray(),
  reduced: (db, turn) =>
    db.command({
      ...{ mapReduce: "source", out: { replace: "reduced" }, scope: { turn } },
      map: "function () { emit(this._id, turn); }",
      reduce: "function (key, values) { return values[0]; }",
    }),
  async passing(db, turn) {
    const passing = db.collection(`passing_${turn}`);
    await passing.insertMany(some(ROWS, { turn }));
    await passing.createIndex({ turn: 1 });
    await passing.drop();
  },
  async walker(db, turn) {
    const [from, to] = turn % 2 === 1 ? ["here", "there"] : ["there", "here"];
    await db.collection(`walker_${from}`).rename(`walker_${to}`);
    await db.collection(`walker_${to}`).updateMany({}, { $set: { turn } });
  },
  async swapped(db, turn) {
    await db.collection("swapped_left").rename("swapped_aside");
    await db.collection("swapped_right").rename("swapped_left");
    await db.collection("swapped_aside").rename("swapped_right");
    await db.collection("swapped_left").updateMany({}, { $set: { turn } });
  },
};

async function startStorm(db: Db, wanted: readonly string[] = Object.keys(TURNS)) {
  for (const name of ["source", "walker_here", "swapped_left", "swapped_right"])
    await db.collection(name).insertMany(some(ROWS, { was: name, turn: 0 }));
  const turns: Record<string, number> = {};
  let over = false;
  const running = wanted.map(async (name) => {
    const turn = TURNS[name];
    assert.ok(turn);
    const _id = name as never;
    for (turns[name] = 1; !over; turns[name]++) {
      const set = { $set: { turn: turns[name] } };
      await db.collection("began").updateOne({ _id }, set, { upsert: true });
      await turn(db, turns[name]);
      await db.collection("ended").updateOne({ _id }, set, { upsert: true });
      await sleep(PAUSES_MS[turns[name] % PAUSES_MS.length]);
    }
  });
  return {
    /** Until each has begun another turn. */
    goesOn: async () => {
      const before = { ...turns };
      while (wanted.some((name) => turns[name] === before[name])) await sleep(10);
    },
    stop: async () => {
      over = true;
      await Promise.all(running);
    },
  };
}

/** Each has turned by the number that began, or is still as the turn before left it; nothing is mixed or lost. */
async function assertOneInstant(db: Db): Promise<void> {
  const numbers = async (name: string) => {
    const found = await db.collection<{ _id: string; turn: number }>(name).find().toArray();
    return new Map(found.map(({ _id, turn }) => [_id, turn]));
  };
  const [began, ended] = [await numbers("began"), await numbers("ended")];
  const names = (await db.listCollections({}, { nameOnly: true }).toArray()).map((c) => c.name);
  const rowsOf = async (name: string) => await db.collection(name).find().toArray();
  const assertTurn = (name: string, turn: unknown) => {
    const [first, last] = [ended.get(name) ?? 0, began.get(name) ?? 0];
    assert.ok(last - first <= 1, `${name} began ${last} and ended ${first}`);
    assert.ok(turn === first || turn === last, `${name} at ${String(turn)}: ${first} to ${last}`);
  };
  for (const name of ["out", "reduced"]) {
    const rows = await rowsOf(name);
    const found = [...new Set(rows.map((row) => Number(row.turn ?? row.value)))];
    assert.equal(rows.length, ROWS, name);
    assert.equal(found.length, 1, `${name} is of the turns ${found.join(", ")}`);
    assertTurn(name, found[0]);
  }
  const walkers = names.filter((name) => name.startsWith("walker_"));
  assert.equal(walkers.length, 1, names.join(" "));
  assert.equal((await rowsOf(walkers[0] ?? "")).length, ROWS);
  const swapped = names.filter((name) => name.startsWith("swapped_"));
  const sides = await Promise.all(swapped.map((name) => rowsOf(name)));
  assert.deepEqual(new Set(sides.flat().map((row) => String(row.was))).size, 2, swapped.join(" "));
  assert.deepEqual(
    sides.map((rows) => rows.length),
    [ROWS, ROWS],
  );
  assert.ok(names.filter((name) => name.startsWith("passing_")).length <= 1, names.join(" "));
  assert.ok(!names.some((name) => name.startsWith("tmp")), names.join(" "));
}
