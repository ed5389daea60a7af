// The swap itself on a real server: every move that it can make, and what happens where somebody else was quicker.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { BSON, MongoClient } from "mongodb";
import { ownName, readMarkers } from "../../src/mongo/own-collections.ts";
import { readRecord } from "../../src/restore/record/read-record.ts";
import { planRestore } from "../../src/restore/plan/plan.ts";
import { createRecord } from "../../src/restore/record/record-file.ts";
import type { RecordedPlan } from "../../src/restore/record/record.ts";
import { optionsText, readStandings } from "../../src/restore/swap/standings.ts";
import { reversed } from "../../src/restore/swap/swap-plan.ts";
import type { Side, SwapItem } from "../../src/restore/swap/swap-plan.ts";
import { carryOutSwap } from "../../src/restore/swap/swap.ts";
import type { SwapContext } from "../../src/restore/swap/swap.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import { requires } from "../support/requires.ts";
import { ownServer } from "../support/servers.ts";

const ID = "2026-11-23_02-00-00";
const REPLICA_SET = { topology: "replicaSet" } as const;

interface Scene extends SwapContext {
  readonly intruders: string[];
  steps(): Promise<string[]>;
  log(): Promise<string>;
}

async function scene(
  t: TestContext,
  client: MongoClient,
  step: SwapContext["step"] = "swap",
): Promise<Scene> {
  const root = await mkdtemp(join(tmpdir(), "mk-swap-"));
  const plan = {
    schema: 1,
    id: ID,
    createdAt: "2026-11-23T02:00:00.000Z",
    rollbackOf: null,
    plan: planRestore({ backup: null, source: [], live: [] }),
  } satisfies RecordedPlan;
  const record = await createRecord(root, plan, { now: () => 0 });
  t.after(async () => {
    await record.close();
    await rm(root, { recursive: true });
  });
  const intruders: string[] = [];
  return {
    ...{ client, restoreId: ID, record, step, intruders },
    lockLimit: { client, waitMs: 10_000 },
    onIntruder: (namespace) => void intruders.push(namespace),
    steps: async () =>
      (await readRecord(root, ID))?.entries.map((e) => `${e.step} ${e.state}`) ?? [],
    log: () => readFile(join(record.path, "restore.log"), "utf8"),
  };
}

async function sideOf(
  { client, name: database }: FreshDatabase,
  name: string,
  parked: string,
): Promise<Side> {
  const standing = (await readStandings(client, database)).get(name);
  assert.equal(standing?.kind, "collection");
  return { kind: "collection", uuid: standing.uuid, parked };
}

const viewOf = (viewOn: string): Side => ({
  kind: "view",
  options: optionsText(BSON.serialize({ viewOn, pipeline: [] })),
});

/** `name` live as "old", and "new" staged beside it. */
async function staged(fresh: FreshDatabase, name: string, n: number): Promise<SwapItem> {
  const parked = ownName(ID, n);
  await fresh.db.collection(name).insertOne({ v: "old" });
  await fresh.db.collection(parked).insertOne({ v: "new" });
  return {
    ...{ database: fresh.name, name },
    old: await sideOf(fresh, name, ownName(ID, n + 100)),
    new: await sideOf(fresh, parked, parked),
  };
}

const valueIn = async ({ db }: FreshDatabase, name: string) =>
  (await db.collection(name).findOne())?.v as unknown;

requires(
  REPLICA_SET,
  "collections and views change places, and back, and each is journalled",
  async (t, fresh) => {
    const { db } = fresh;
    const to = await scene(t, fresh.client);
    const both = await staged(fresh, "both", 1);
    const [a, b] = [ownName(ID, 2), ownName(ID, 3)];
    await db.collection(a).insertOne({ v: "new" });
    await db.createCollection("shown", { viewOn: "both", pipeline: [] });
    await db.createCollection("gone", { viewOn: "both", pipeline: [] });
    await db.collection("hidden").insertOne({ v: "old" });
    const standings = await readStandings(fresh.client, fresh.name);
    const view = (name: string) => standings.get(name) as Side;
    const item = (name: string, old: Side, next: Side): SwapItem => ({
      ...{ database: fresh.name, name },
      old,
      new: next,
    });
    const items: SwapItem[] = [
      both,
      item("added", { kind: "none" }, await sideOf(fresh, a, a)),
      item("gone", view("gone"), { kind: "none" }),
      item("shown", view("shown"), viewOf("added")),
      item("hidden", await sideOf(fresh, "hidden", b), viewOf("shown")),
      item("other", { kind: "none" }, viewOf("hidden")),
    ];
    await carryOutSwap(to, items);
    const values = async () =>
      await Promise.all(
        ["both", "added", "shown", "hidden", "other"].map((name) => valueIn(fresh, name)),
      );
    assert.deepEqual(await values(), ["new", "new", "new", "new", "new"]);
    assert.equal((await readStandings(fresh.client, fresh.name)).has("gone"), false);
    const steps = await to.steps();
    assert.deepEqual([steps[0], steps.at(-1)], ["swap begin", "swap done"]);
    await carryOutSwap(to, items);
    assert.equal((await to.steps()).length, steps.length + 2, "done again, nothing is moved");

    await carryOutSwap(await scene(t, fresh.client, "swap-back"), items.map(reversed));
    assert.deepEqual(await values(), ["old", undefined, "old", "old", undefined]);
    assert.deepEqual((await readStandings(fresh.client, fresh.name)).get("gone"), view("gone"));
    assert.deepEqual([...to.intruders], []);
  },
);

requires(
  REPLICA_SET,
  "what took a name meanwhile is set aside with a mark, under a name that is free",
  async (t, fresh) => {
    const at = await scene(t, fresh.client);
    const item = await staged(fresh, "patients", 1);
    await fresh.db.collection(ownName(ID, 1_000_000)).insertOne({ v: "of an earlier try" });
    await fresh.db.collection("patients").drop();
    await fresh.db.collection("patients").insertOne({ v: "intruder" });
    await carryOutSwap(at, [item]);
    assert.equal(await valueIn(fresh, "patients"), "new");
    const aside = ownName(ID, 1_000_001);
    assert.equal(await valueIn(fresh, aside), "intruder");
    assert.deepEqual(at.intruders, [`${fresh.name}.patients`]);
    assert.deepEqual(
      (await readMarkers(fresh.client, fresh.name)).map(({ name, role }) => [name, role]),
      [[aside, "aside"]],
    );
    assert.match(await at.log(), /created by somebody else meanwhile: it is retained/);
  },
);

requires(
  { ...REPLICA_SET, server: ">=5" },
  "before anything is moved, what is to come must be there",
  async (t, fresh) => {
    const at = await scene(t, fresh.client);
    const item = await staged(fresh, "patients", 1);
    await fresh.db.collection(ownName(ID, 1)).drop();
    await assert.rejects(carryOutSwap(at, [item]), { code: "namespaces-changed" });
    assert.equal(await valueIn(fresh, "patients"), "old");
    assert.deepEqual(await at.steps(), []);
    const other = await staged(fresh, "visits", 2);
    await fresh.db.collection("visits").drop();
    await fresh.db.createCollection("visits", { timeseries: { timeField: "at" } });
    await assert.rejects(carryOutSwap(at, [other]), /became a time series meanwhile/);
    assert.equal(await valueIn(fresh, ownName(ID, 2)), "new");
  },
);

requires(
  REPLICA_SET,
  "what is gone between the look and the move is told, and a new look is taken first",
  async (t, fresh) => {
    const at = await scene(t, fresh.client);
    const item = await staged(fresh, "patients", 1);
    const quicker = {
      ...at,
      record: {
        ...at.record,
        journal: () => fresh.db.dropCollection(ownName(ID, 1)).then(() => undefined),
      },
    };
    await assert.rejects(carryOutSwap(quicker, [item]), { code: "namespaces-changed" });
  },
);

requires(
  REPLICA_SET,
  "a name that is taken right after it was freed is freed again",
  async (t, fresh) => {
    const at = await scene(t, fresh.client);
    const item = await staged(fresh, "patients", 1);
    const view: SwapItem = {
      ...{ database: fresh.name, name: "shown" },
      old: { kind: "none" },
      new: viewOf("patients"),
    };
    let begun = false;
    const take = async () => {
      if (begun) return;
      begun = true;
      await fresh.db.collection("shown").insertOne({ v: "intruder" });
      await fresh.db.collection(ownName(ID, 101)).insertOne({ v: "in the way" });
    };
    // In the way of what is set aside stays in the way: that is told after ten tries, and nothing is dropped.
    await assert.rejects(carryOutSwap({ ...at, record: { ...at.record, journal: take } }, [item]), {
      code: "server-error",
    });
    assert.equal(await valueIn(fresh, "patients"), "old");
    begun = false;
    await fresh.db.collection("shown").drop();
    await carryOutSwap({ ...at, record: { ...at.record, journal: take } }, [view]);
    assert.equal(await valueIn(fresh, "shown"), "old");
    assert.deepEqual(at.intruders, [`${fresh.name}.shown`]);
  },
);

requires(
  REPLICA_SET,
  "views alone change places, and one in the place of another is made anew",
  async (t, fresh) => {
    await fresh.db.collection("patients").insertOne({ v: "old" });
    await fresh.db.createCollection("shown", { viewOn: "nothing", pipeline: [] });
    const old = (await readStandings(fresh.client, fresh.name)).get("shown") as Side;
    const item = { ...{ database: fresh.name, name: "shown" }, old, new: viewOf("patients") };
    await carryOutSwap(await scene(t, fresh.client), [item]);
    assert.equal(await valueIn(fresh, "shown"), "old");
    await carryOutSwap(await scene(t, fresh.client, "swap-back"), [reversed(item)]);
    assert.deepEqual((await readStandings(fresh.client, fresh.name)).get("shown"), old);
  },
);

requires(
  REPLICA_SET,
  "a move waits for its collection no longer than it may, and an undo tries again until it is done",
  async (t, fresh) => {
    const items = [await staged(fresh, "patients", 1), await staged(fresh, "visits", 2)];
    const hold = async () => {
      const session = fresh.client.startSession();
      session.startTransaction();
      await fresh.db.collection("visits").insertOne({ v: "never" }, { session });
      return session;
    };
    const lockLimit = { client: fresh.client, waitMs: 300 };
    let session = await hold();
    const to = { ...(await scene(t, fresh.client)), lockLimit };
    await assert.rejects(carryOutSwap(to, items), {
      code: "server-waits",
      message: /\.visits waits for a transaction .*, for .* so far/,
    });
    await session.abortTransaction();
    assert.equal(await valueIn(fresh, "visits"), "old");
    await carryOutSwap(to, items);
    assert.equal(await valueIn(fresh, "visits"), "new");
    session = await hold();
    const told: string[] = [];
    const onWait = (message: string) => {
      told.push(message);
      if (told.length === 2) void session.abortTransaction();
    };
    const back = {
      ...(await scene(t, fresh.client, "swap-back")),
      lockLimit: { ...lockLimit, onWait },
    };
    await carryOutSwap(back, items.map(reversed));
    assert.ok(told.length >= 2);
    for (const name of ["patients", "visits"]) assert.equal(await valueIn(fresh, name), "old");
  },
);

test("a server that refuses what makes the renames durable: forward that is told, an undo has done what it can", async (t) => {
  const server = await ownServer(t, { topology: "replicaSet", testCommands: true });
  const fresh = await freshDatabase(t, server.uri);
  const client = await new MongoClient(server.uri, {
    appName: "swap-test",
    retryWrites: false,
  }).connect();
  t.after(() => client.close());
  const fail = (failCommand: string, data: object) =>
    fresh.client.db("admin").command({
      configureFailPoint: "failCommand",
      mode: { times: 1 },
      data: { failCommands: [failCommand], appName: "swap-test", ...data },
    });
  const item = await staged(fresh, "patients", 1);
  await fail("createIndexes", { errorCode: 13 });
  await assert.rejects(carryOutSwap(await scene(t, client), [item]), { code: "rights-missing" });
  await fail("createIndexes", { errorCode: 13 });
  await carryOutSwap(await scene(t, client, "swap-back"), [reversed(item)]);
  await fail("createIndexes", { errorCode: 64 });
  await carryOutSwap(await scene(t, client), [item]);
  assert.equal(await valueIn(fresh, "patients"), "new");

  await fail("create", { errorCode: 13 });
  const view: SwapItem = {
    ...{ database: fresh.name, name: "shown" },
    old: { kind: "none" },
    new: viewOf("patients"),
  };
  await assert.rejects(carryOutSwap(await scene(t, client), [view]), { code: "rights-missing" });
  const item2 = await staged(fresh, "visits", 2);
  await fail("renameCollection", { closeConnection: true });
  await assert.rejects(carryOutSwap(await scene(t, client), [item2]), { code: "unreachable" });
});
