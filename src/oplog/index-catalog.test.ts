// Indexes followed through a log, without a server.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as BSON from "bson";
import fc from "fast-check";
import { IndexCatalog } from "./index-catalog.ts";
import { toSeriesIndex } from "./series-index.ts";

const raw = (document: BSON.Document) => Buffer.from(BSON.serialize(document));
const place = (collection: string) => ({ database: "shop", collection, buckets: false });
const index = (name: string, more: BSON.Document = {}) =>
  raw({ v: 2, key: { a: 1 }, name, ...more });

function stateOf(catalog: IndexCatalog): Record<string, BSON.Document[]> {
  return Object.fromEntries(
    catalog
      .collectionsOf("shop")
      .sort()
      .map((collection) => {
        const found = catalog.get(place(collection));
        const indexes = (found?.indexes ?? []).map((d) => BSON.deserialize(d));
        return [collection, indexes.sort((x, y) => String(x.name).localeCompare(String(y.name)))];
      }),
  );
}

function catalogWith(...names: string[]): IndexCatalog {
  const catalog = new IndexCatalog();
  const indexes = ["_id_", ...names].map((name) => index(name));
  catalog.add(place("orders"), { options: raw({}), indexes });
  return catalog;
}

test("flags stand in a definition only where they are true, and an index becomes unique in two steps", () => {
  const catalog = catalogWith("a_1");
  const change = (more: BSON.Document) =>
    catalog.modifyIndex(place("orders"), raw({ name: "a_1", ...more }));
  const definition = () => stateOf(catalog).orders?.[1];
  change({ hidden: true, expireAfterSeconds: 5 });
  assert.deepEqual(definition(), {
    v: 2,
    key: { a: 1 },
    name: "a_1",
    hidden: true,
    expireAfterSeconds: 5,
  });
  change({ hidden: false, expireAfterSeconds: 6, prepareUnique: true });
  change({ unique: true });
  assert.deepEqual(definition(), {
    v: 2,
    key: { a: 1 },
    name: "a_1",
    expireAfterSeconds: 6,
    unique: true,
  });
  change({ forceNonUnique: true });
  assert.deepEqual(definition(), { v: 2, key: { a: 1 }, name: "a_1", expireAfterSeconds: 6 });
  assert.equal(change({ surprise: 1 }), "surprise");
});

test("an index is found by its name, by its key whatever its numbers are, and all of them but _id", () => {
  for (const [o, left] of [
    [{ index: "a_1" }, ["_id_", "b_1"]],
    [{ index: ["a_1", "b_1"] }, ["_id_"]],
    [{ index: "*" }, ["_id_"]],
    [{ index: { b: new BSON.Double(1) } }, ["_id_", "a_1"]],
    [{ index: "nowhere" }, ["_id_", "a_1", "b_1"]],
  ] as const) {
    const catalog = new IndexCatalog();
    const indexes = [
      ["_id", "_id_"],
      ["a", "a_1"],
      ["b", "b_1"],
    ] as const;
    catalog.add(place("orders"), {
      options: raw({}),
      indexes: indexes.map(([key, name]) => raw({ v: 2, key: { [key]: 1 }, name })),
    });
    catalog.dropIndexes(place("orders"), raw({ dropIndexes: "orders", ...o }));
    const names = catalog
      .get(place("orders"))
      ?.indexes.map((d) => String(BSON.deserialize(d).name));
    assert.deepEqual(names, left, JSON.stringify(o));
  }
});

test("indexes go with a collection that is renamed, and away with one that is dropped or replaced", () => {
  const catalog = catalogWith("a_1");
  catalog.create(place("new"), raw({}));
  catalog.addIndexes(place("new"), [index("n_1")]);
  catalog.rename(place("orders"), place("new"));
  assert.deepEqual(Object.keys(stateOf(catalog)), ["new"]);
  assert.deepEqual(
    stateOf(catalog).new?.map((d) => String(d.name)),
    ["_id_", "a_1"],
  );
  catalog.drop(place("new"));
  catalog.create(place("new"), raw({}));
  assert.deepEqual(stateOf(catalog), { new: [] });
});

test("the expiry of a collection is followed, and switched off", () => {
  const catalog = catalogWith();
  const set = (value: unknown) => {
    const document = raw({ expireAfterSeconds: value });
    catalog.setExpiry(place("orders"), document.subarray(4, document.length - 1));
    return BSON.deserialize(catalog.get(place("orders"))?.options ?? raw({ none: 1 }));
  };
  assert.deepEqual(set(BSON.Long.fromNumber(7)), { expireAfterSeconds: 7 });
  assert.deepEqual(set("off"), {});
});

test("an index on buckets is told as the index of the series that it is", () => {
  const series = raw({ timeField: "at", metaField: "place" });
  const own = (key: BSON.Document, more: BSON.Document = {}) =>
    Object.entries(
      BSON.deserialize(toSeriesIndex(raw({ v: 2, key, name: "x", ...more }), series)).key as object,
    );
  assert.deepEqual(own({ "control.min.at": 1, "control.max.at": 1 }), [["at", 1]]);
  assert.deepEqual(
    own({ "meta.id": 1, "control.max.at": -1, "control.min.at": -1, meta: "hashed" }),
    [
      ["place.id", 1],
      ["at", -1],
      ["place", "hashed"],
    ],
  );
  assert.deepEqual(
    own({ "data.loc": "2dsphere_bucket" }, { originalSpec: { key: { loc: "2dsphere" } } }),
    [["loc", "2dsphere"]],
  );
});

interface Step {
  readonly collection: string;
  readonly name: string;
  readonly act: "create" | "drop" | "add" | "remove" | "hide" | "expire";
}

const step: fc.Arbitrary<Step> = fc.record({
  collection: fc.constantFrom("a", "b"),
  name: fc.constantFrom("x_1", "y_1"),
  act: fc.constantFrom("create", "drop", "add", "remove", "hide", "expire"),
});

function take(catalog: IndexCatalog, { collection, name, act }: Step): void {
  const where = place(collection);
  if (act === "create") catalog.create(where, raw({}));
  if (act === "drop") catalog.drop(where);
  if (act === "add") catalog.addIndexes(where, [index(name)]);
  if (act === "remove") catalog.dropIndexes(where, raw({ d: 1, index: name }));
  if (act === "hide") catalog.modifyIndex(where, raw({ name, hidden: true }));
  if (act === "expire") catalog.modifyIndex(where, raw({ name, expireAfterSeconds: 3 }));
}

/** Only what a server would have done, and so have logged. */
function possible(steps: readonly Step[]): Step[] {
  const there = new Map<string, Set<string>>();
  return steps.filter(({ collection, name, act }) => {
    const indexes = there.get(collection);
    if (act === "create") return !indexes && there.set(collection, new Set());
    if (act === "drop") return there.delete(collection);
    if (act === "add") return indexes?.has(name) === false && indexes.add(name);
    if (act === "remove") return indexes?.delete(name) === true;
    return indexes?.has(name) === true;
  });
}

test("a log about indexes taken twice leaves what it leaves once", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const log = possible(steps);
      const once = new IndexCatalog();
      const twice = new IndexCatalog();
      for (const catalog of [once, twice, twice]) for (const one of log) take(catalog, one);
      assert.deepEqual(stateOf(twice), stateOf(once));
    }),
  );
});
