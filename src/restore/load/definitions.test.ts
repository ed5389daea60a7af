// What of a dumped definition is not given back to a server: what it reports and refuses, or keeps of old versions.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as BSON from "bson";
import type { CollectionMetadata } from "../../archive/metadata.ts";
import { serializeOrdered } from "../../bson/ordered.ts";
import { createOptions } from "./create.ts";
import { splitIndexes } from "./indexes.ts";

const metadata = (options: object, ...indexes: object[]): CollectionMetadata => ({
  collectionName: "patients",
  type: "collection",
  uuid: null,
  options: BSON.serialize(options),
  indexes: indexes.map((index) => BSON.serialize(index)),
});
const created = (...args: Parameters<typeof metadata>) =>
  BSON.deserialize(serializeOrdered(createOptions(metadata(...args))));
const built = (options: object, index: object) =>
  splitIndexes(metadata(options, index)).plain.map((d) => BSON.deserialize(serializeOrdered(d)));

test("options that a server reports and refuses are left out, an expiry comes later", () => {
  const refused = {
    uuid: "x",
    autoIndexId: false,
    recordIdsReplicated: true,
    expireAfterSeconds: 5,
  };
  assert.deepEqual(created({ ...refused, capped: true, size: 4096 }), { capped: true, size: 4096 });
});

test("the index on _id is given at creation where it has a collation, and never built", () => {
  const collation = { locale: "de" };
  const id = { v: 2, key: { _id: 1 }, name: "_id_" };
  assert.deepEqual(created({ collation }, { ...id, ns: "a.b", collation }), {
    collation,
    idIndex: { ...id, collation },
  });
  assert.deepEqual(created({}, id), {});
  assert.deepEqual(built({}, id), []);
});

test("an index without a collation stays without one in a collection that has one", () => {
  const [index] = built({ collation: { locale: "de" } }, { v: 2, key: { a: 1 }, name: "a" });
  assert.deepEqual(index, { key: { a: 1 }, name: "a", collation: { locale: "simple" } });
});

test("an index of version 1 stays one, without the simple collation that new servers report and refuse", () => {
  const old = { v: 1, key: { a: 1 }, name: "a" };
  assert.deepEqual(built({}, { ...old, collation: { locale: "simple" } }), [old]);
  assert.deepEqual(built({ collation: { locale: "de" } }, old), [old]);
});

test("small and negative floats of a key stay, what was never a direction becomes one", () => {
  const { Double, Long, Decimal128 } = BSON;
  const key = {
    a: new Double(-1e-9),
    b: new Double(2.5),
    c: Long.fromNumber(-1),
    d: Decimal128.fromString("-0.5"),
    e: "hashed",
  };
  const [kept] = splitIndexes(metadata({}, { v: 2, key, name: "i" })).plain;
  assert.deepEqual(Buffer.from(BSON.serialize({ key })), serializeOrdered(new Map([["key", kept?.get("key")]]))); // prettier-ignore
  const never = { a: true, b: 0, c: "", d: null, e: NaN, f: {} };
  const [index] = built({}, { v: 1, key: never, name: "i" });
  assert.deepEqual(index?.key, { a: 1, b: 1, c: 1, d: 1, e: 1, f: 1 });
});
