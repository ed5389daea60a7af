// Entries as servers 5 to 8 write them, and what must never pass for one of them.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as BSON from "bson";
import { classifyEntry } from "./entry.ts";
import { optionsOf, splitCollMod } from "./rewrite.ts";

const ts = new BSON.Timestamp({ t: 100, i: 7 });
const lsid = {
  id: new BSON.Binary(Buffer.alloc(16, 1), 4),
  uid: new BSON.Binary(Buffer.alloc(32)),
};

function classify(fields: BSON.Document) {
  return classifyEntry(Buffer.from(BSON.serialize({ ts, v: 2, ...fields })));
}

const command = (o: BSON.Document, more: BSON.Document = {}) =>
  classify({ op: "c", ns: "shop.$cmd", o, ...more });

const shop = (collection: string, buckets = false) => ({ database: "shop", collection, buckets });

test("a write names its collection, keeps its bytes and its cluster time", () => {
  const entry = classify({
    op: "u",
    ns: "shop.orders.old",
    ui: new BSON.UUID(),
    o: { $v: 2, diff: { u: { a: 1 } } },
    o2: { _id: 5 },
  });
  assert.ok(entry.kind === "update");
  assert.deepEqual(entry.place, shop("orders.old"));
  assert.deepEqual(entry.at, { t: 100, i: 7 });
  assert.deepEqual(BSON.deserialize(entry.o2), { _id: 5 });
  assert.deepEqual(BSON.deserialize(entry.o), { $v: 2, diff: { u: { a: 1 } } });
});

test("a write to the buckets of a time series goes by the name of the series", () => {
  const entry = classify({ op: "i", ns: "shop.system.buckets.weather", o: { _id: 1 } });
  assert.ok(entry.kind === "insert");
  assert.deepEqual(entry.place, shop("weather", true));
});

test("a write to system.views is a change of a view and no write to a collection", () => {
  for (const [op, o, o2] of [
    ["i", { _id: "shop.cheap", viewOn: "orders", pipeline: [] }, undefined],
    ["u", { _id: "shop.cheap", viewOn: "goods", pipeline: [] }, { _id: "shop.cheap" }],
    ["d", { _id: "shop.cheap" }, undefined],
  ] as const) {
    const entry = classify({ op, ns: "shop.system.views", o, ...(o2 ? { o2 } : {}) });
    assert.ok(entry.kind === "view");
    assert.equal(entry.view, "cheap");
  }
  assert.equal(command({ drop: "system.views" }).kind, "dropViews");
});

test("entries for the server's own use are ignored, and no others", () => {
  const ignored = (fields: BSON.Document) => classify(fields).kind === "ignore";
  assert.ok(ignored({ op: "n", ns: "", o: { msg: "periodic noop" } }));
  assert.ok(ignored({ op: "i", ns: "config.transactions", o: { _id: 1 } }));
  assert.ok(ignored({ op: "d", ns: "config.system.sessions", o: { _id: 1 } }));
  assert.ok(!ignored({ op: "i", ns: "config.settings", o: { _id: "chunksize" } }));
  assert.ok(!ignored({ op: "i", ns: "shop.transactions", o: { _id: 1 } }));
  assert.ok(!ignored({ op: "i", ns: "shop.system.js", o: { _id: "f" } }));
  for (const name of ["startIndexBuild", "abortIndexBuild", "setMultikeyMetadata", "dropIdent"])
    assert.equal(command({ [name]: "orders" }).kind, "ignore");
});

test("an entry that is not known is said to be unknown, never passed over", () => {
  for (const fields of [
    { op: "x", ns: "shop.orders", o: {} },
    { op: "constructor", ns: "shop.orders", o: {} },
    { op: "u", ns: "shop.orders", o: { a: 1 } },
    { op: "i", ns: "orders", o: {} },
    { op: "i", ns: "shop.orders" },
    { op: "c", ns: "shop.$cmd", o: {} },
    { op: "c", ns: "shop.$cmd", o: { importCollection: "orders" } },
    { op: "c", ns: "shop.$cmd", o: { create: 1 } },
    { op: "c", ns: "shop.$cmd", o: { renameCollection: "shop.a" } },
    { op: "c", ns: "shop.$cmd", o: { commitTransaction: 1 } },
    { op: "c", ns: "shop.$cmd", o: { applyOps: [1] } },
    { op: "c", ns: "shop.$cmd", o: { createIndexes: "orders" } },
    { op: "i", ns: "shop.system.views", o: { _id: 1 } },
  ])
    assert.equal(classify(fields).kind, "unknown", JSON.stringify(fields));
  assert.equal(classifyEntry(Buffer.from(BSON.serialize({ op: "n" }))).kind, "unknown");
});

test("a create or collMod with a field that no server writes is unknown, and commands' arguments are passed over", () => {
  for (const o of [
    { create: "a", dropTarget: true },
    { create: "a", viewOn: "b", pipeline: [] },
    { collMod: "a", dryRun: true },
    { collMod: "a", viewOn: "b" },
  ])
    assert.equal(command(o).kind, "unknown", JSON.stringify(o));
  const made = command({
    create: "a",
    capped: true,
    size: 1,
    $db: "x",
    lsid: 1,
    writeConcern: 0,
    uuid: 1,
    temp: true,
  });
  assert.ok(made.kind === "create");
  assert.deepEqual(BSON.deserialize(optionsOf(made.o)), { capped: true, size: 1 });
  const changed = command({ collMod: "a", validationLevel: "off", maxTimeMS: 1, noPadding: true });
  assert.ok(changed.kind === "collMod");
  assert.equal(splitCollMod(changed.o).elements.length, 1);
});

test("an index comes as its definition, without the name of the collection", () => {
  const definition = { v: 2, key: { b: 1, a: -1 }, name: "b_1_a_-1", unique: true };
  const one = command({ createIndexes: "orders", ...definition });
  assert.ok(one.kind === "createIndexes");
  assert.deepEqual(
    one.indexes.map((i) => BSON.deserialize(i)),
    [definition],
  );
  const built = command({
    commitIndexBuild: "orders",
    indexBuildUUID: new BSON.UUID(),
    indexes: [definition, { ...definition, name: "other" }],
  });
  assert.ok(built.kind === "createIndexes");
  assert.deepEqual(built.place, shop("orders"));
  assert.equal(built.indexes.length, 2);
});

test("a rename names both sides, also across databases", () => {
  const entry = command({
    renameCollection: "shop.tmp.agg_out.1",
    to: "mart.b",
    dropTarget: false,
  });
  assert.ok(entry.kind === "rename");
  assert.deepEqual(entry.from, shop("tmp.agg_out.1"));
  assert.deepEqual(entry.to, { database: "mart", collection: "b", buckets: false });
});

test("a transaction is told from operations that count at once", () => {
  const applyOps = [{ op: "i", ns: "shop.orders", o: { _id: 1 } }];
  const session = { lsid, txnNumber: BSON.Long.fromNumber(3) };
  const none = { ts: new BSON.Timestamp(0n), t: BSON.Long.fromNumber(-1) };
  const plain = command({ applyOps });
  assert.ok(plain.kind === "applyOps" && plain.transaction === null);
  const grouped = command({ applyOps }, { ...session, multiOpType: 1 });
  assert.ok(grouped.kind === "applyOps" && grouped.transaction === null);
  const first = command({ applyOps, partialTxn: true }, { ...session, prevOpTime: none });
  assert.ok(first.kind === "applyOps" && first.transaction);
  assert.equal(first.transaction.partial, true);
  assert.equal(first.transaction.previous, null);
  const last = command(
    { applyOps, prepare: true, count: BSON.Long.fromNumber(2) },
    { ...session, prevOpTime: { ts, t: BSON.Long.fromNumber(1) } },
  );
  assert.ok(last.kind === "applyOps" && last.transaction);
  const { key, ...rest } = last.transaction;
  assert.deepEqual(rest, { partial: false, prepare: true, previous: { t: 100, i: 7 }, count: 2 });
  const commit = command({ commitTransaction: 1 }, session);
  assert.ok(commit.kind === "commitTransaction");
  assert.equal(commit.key, key);
  assert.equal(first.transaction.key, key);
});
