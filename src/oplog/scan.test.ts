// What is known of a log before it is replayed.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as BSON from "bson";
import { scanOplog } from "./scan.ts";
import type { OplogScan } from "./scan.ts";

const entry = (i: number, fields: BSON.Document) =>
  Buffer.from(BSON.serialize({ ts: new BSON.Timestamp({ t: 9, i }), ...fields }));
const command = (i: number, o: BSON.Document) => entry(i, { op: "c", ns: "shop.$cmd", o });

async function scan(
  entries: readonly Buffer[],
  { leftOut = [], has = [] }: { leftOut?: readonly string[]; has?: readonly string[] } = {},
): Promise<OplogScan> {
  async function* all() {
    for (const one of entries) yield await Promise.resolve(one);
  }
  return await scanOplog(all(), {
    initial: has.map((name) => ({ database: "shop", name, type: "collection" })),
    from: { t: 9, i: 1 },
    to: { t: 9, i: 50 },
    isRestored: (_, collection) => !leftOut.includes(collection),
    mayPass: (database) => database === "shop",
    signal: new AbortController().signal,
  });
}

const named = (found: OplogScan["made"]) => found.map(({ name, type }) => `${type} ${name}`);

test("what a log makes, passes through and removes is known before it is replayed", async () => {
  const found = await scan(
    [
      entry(0, { op: "c", ns: "shop.$cmd", o: { create: "in the backup already" } }),
      command(1, { create: "a" }),
      entry(2, { op: "i", ns: "shop.b", o: { _id: 1 } }),
      command(3, { applyOps: [{ op: "c", ns: "shop.$cmd", o: { create: "c" } }] }),
      command(4, { renameCollection: "shop.a", to: "shop.d" }),
      command(5, { create: "left out" }),
      entry(6, { op: "i", ns: "shop.system.views", o: { _id: "shop.v", viewOn: "d" } }),
      command(7, { create: "system.buckets.weather", timeseries: { timeField: "t" } }),
      entry(8, {
        op: "i",
        ns: "shop.system.views",
        o: { _id: "shop.weather", viewOn: "system.buckets.weather" },
      }),
      command(9, { drop: "b" }),
      command(10, { create: "tmp.agg_out.1", temp: true }),
      command(51, { create: "too late" }),
    ],
    { leftOut: ["left out"], has: ["b", "stays"] },
  );
  assert.deepEqual(named(found.made), [
    "collection c",
    "collection d",
    "view v",
    "timeseries weather",
  ]);
  assert.deepEqual(named(found.passing), ["collection a", "collection tmp.agg_out.1"]);
  assert.deepEqual(named(found.removed), ["collection b"]);
  assert.deepEqual(found.changed, []);
  assert.deepEqual(
    [found.first, found.last],
    [
      { t: 9, i: 0 },
      { t: 9, i: 10 },
    ],
  );
});

test("what passes is known by its option: a name of the server's form may be a user's", async () => {
  const own = ["tmp.mr.visits", "tmp.agg_out.report", "tmpAbCdE.renameCollection"];
  const made = await scan(own.map((name, n) => command(2 + n, { create: name })));
  assert.deepEqual(
    named(made.made),
    own.map((name) => `collection ${name}`),
  );
  const kept = await scan([command(2, { drop: "x" })], { has: own });
  assert.deepEqual(named(kept.removed), []);
  const passing = await scan([
    command(2, { create: "mine", temp: true }),
    command(3, { create: "out.1", temp: true }),
    command(4, { renameCollection: "shop.out.1", to: "shop.out" }),
    command(5, { create: "tmp.agg_out.again", temp: true }),
    command(6, { drop: "tmp.agg_out.again" }),
    command(7, { create: "tmp.agg_out.again" }),
  ]);
  assert.deepEqual(named(passing.made), ["collection out", "collection tmp.agg_out.again"]);
  assert.deepEqual(named(passing.passing), ["collection mine", "collection out.1"]);
});

test("what passes becomes part of a restore that did not ask for it by name", async () => {
  for (const create of [
    { create: "tmp.agg_out.1", temp: true },
    { create: "tmpAbCdE.renameCollection" },
  ]) {
    const rename = { renameCollection: `shop.${create.create}`, to: "shop.out" };
    const leftOut = [create.create];
    const found = await scan([command(2, create), command(3, rename)], { leftOut });
    assert.deepEqual(named(found.made), ["collection out"]);
    assert.deepEqual(named(found.passing), [`collection ${create.create}`]);
    const unfinished = await scan([command(2, create)], { leftOut });
    assert.deepEqual(named(unfinished.made), []);
  }
});

test("a name that becomes a view is told", async () => {
  const view = { op: "i", ns: "shop.system.views", o: { _id: "shop.a", viewOn: "d" } };
  const found = await scan([command(1, { drop: "a" }), entry(2, view)], { has: ["a"] });
  assert.deepEqual(named(found.changed), ["view a"]);
});

test("an entry that is not known ends it before anything is restored, wherever it hides", async () => {
  const hidden = command(8, { applyOps: [{ op: "c", ns: "shop.$cmd", o: { strange: 1 } }] });
  await assert.rejects(scan([hidden]), { code: "not-in-this-version", message: /"strange"/ });
});

test("a collection without the one that it was renamed from is refused by name", async () => {
  const renamed = command(1, { renameCollection: "shop.a", to: "shop.b" });
  const has = ["a"];
  const alone = scan([renamed], { has, leftOut: ["a"] });
  await assert.rejects(alone, { code: "usage", message: /shop\.a .*shop\.b/ });
  assert.deepEqual(named((await scan([renamed], { has, leftOut: ["b"] })).removed), [
    "collection a",
  ]);
  assert.deepEqual(named((await scan([renamed], { leftOut: ["a", "b"] })).made), []);
});

test("a collection that nobody has is damage, unless the log drops it or nothing was committed", async () => {
  const write = entry(2, { op: "i", ns: "shop.a", o: { _id: 1 } });
  await assert.rejects(scan([write]), { code: "damaged", message: /insert of shop\.a/ });
  await scan([write, command(3, { drop: "a" })]);
  const session = { lsid: { id: new BSON.UUID() }, txnNumber: BSON.Long.ONE };
  const inside = { applyOps: [{ op: "i", ns: "shop.a", o: { _id: 1 } }], prepare: true };
  const prepared = entry(2, { op: "c", ns: "admin.$cmd", o: inside, ...session });
  const end = (o: BSON.Document) => entry(3, { op: "c", ns: "admin.$cmd", o, ...session });
  await scan([prepared]);
  await scan([prepared, end({ abortTransaction: 1 })]);
  await assert.rejects(scan([prepared, end({ commitTransaction: 1 })]), { code: "damaged" });
});
