import assert from "node:assert/strict";
import { test } from "node:test";
import * as BSON from "bson";
import type { NamespaceInfo } from "../mongo/namespaces.ts";
import { findAltered, findBucketless, findGone, findNew, sameNamespaces } from "./consistency.ts";

const namespace = (changes: Partial<NamespaceInfo> = {}): NamespaceInfo => ({
  database: "surg",
  name: "patients",
  type: "collection",
  uuid: "aa",
  dataUuid: "aa",
  options: BSON.serialize({ capped: true }),
  indexes: [BSON.serialize({ v: 2, key: { _id: 1 }, name: "_id_" })],
  ...changes,
});

const other = BSON.serialize({ v: 2, key: { a: 1 }, name: "a" });
const [idIndex = other] = namespace().indexes;

test("listings agree only where collections, options and indexes are the same", () => {
  const before = [namespace()];
  assert.equal(sameNamespaces(before, [namespace()]), true);
  const changes: readonly (readonly [Partial<NamespaceInfo>, typeof findGone])[] = [
    [{ name: "people" }, findGone],
    [{ dataUuid: "bb" }, findGone],
    [{ options: BSON.serialize({ capped: false }) }, findAltered],
    [{ indexes: [] }, findAltered],
    [{ indexes: [other] }, findAltered],
    [{ indexes: [idIndex, other] }, findAltered],
  ];
  for (const [change, find] of changes) {
    const after = [namespace(change)];
    assert.equal(sameNamespaces(before, after), false, JSON.stringify(change));
    assert.deepEqual(find(before, after), ["surg.patients"], JSON.stringify(change));
  }
  assert.deepEqual(findAltered(before, []), [], "gone is not altered");
  assert.deepEqual(findNew(before, [namespace(), namespace({ name: "new" })]), ["surg.new"]);
});

test("a time series whose buckets cannot be seen is not taken for an empty one", () => {
  const series = { type: "timeseries", uuid: null } as const;
  assert.deepEqual(findBucketless([namespace(), namespace(series)]), []);
  assert.deepEqual(findBucketless([namespace({ ...series, dataUuid: null })]), ["surg.patients"]);
  assert.deepEqual(findBucketless([namespace({ ...series, uuid: "aa" })]), ["surg.patients"]);
});
