// Each line: a backup's server, the server it should go to, what the collection uses, and the refusal.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as BSON from "bson";
import type { ServerInfo } from "../../mongo/server-info.ts";
import { findMisfits, misfitError } from "./version-guard.ts";

type Server = `${"standalone" | "replicaSet" | "sharded"} ${string}`;

/** "replicaSet 6.0.5 fcv 5.0"; without `fcv`, that of the version; "fcv ?" where it may not be asked. */
function server(text: Server): ServerInfo {
  const [topology = "", version = "", , told] = text.split(" ") as (string | undefined)[];
  const fcv = told ?? version.split(".").slice(0, 2).join(".");
  return {
    version,
    topology: topology as ServerInfo["topology"],
    setName: topology === "replicaSet" ? "rs0" : null,
    featureCompatibilityVersion: fcv === "?" ? null : fcv,
  };
}

interface Uses {
  readonly options?: object;
  readonly index?: object;
}

const collection = ({ options = {}, index }: Uses) => ({
  namespace: "surg.a",
  metadata: {
    collectionName: "a",
    type: "collection",
    uuid: null,
    options: BSON.serialize(options),
    indexes: index ? [BSON.serialize({ v: 2, name: "i", ...index })] : [],
  },
});

const images = { changeStreamPreAndPostImages: { enabled: true } };
const clustered = { clusteredIndex: { v: 2, key: { _id: 1 }, name: "_id_", unique: true } };

const CASES: readonly (readonly [from: Server | null, to: Server, Uses, RegExp | null])[] = [
  ["replicaSet 6.0.5", "replicaSet 6.0.5", {}, null],
  ["replicaSet 6.0.15", "replicaSet 6.0.1", {}, null],
  ["replicaSet 5.0.1", "replicaSet 8.0.0", {}, null],
  ["replicaSet 4.4.29", "standalone 5.0.1", {}, null],
  [null, "replicaSet 6.0.5", {}, null],
  ["replicaSet 7.0.2", "replicaSet 6.0.5", {}, /of MongoDB 7\.0\.2.*older 6\.0\.5/],
  ["replicaSet 8.2.0", "replicaSet 8.0.9", {}, /older 8\.0\.9/],
  ["replicaSet 10.0.0", "replicaSet 9.0.0", {}, /older 9\.0\.0/],
  ["replicaSet 6.0.5", "replicaSet 6.0.5 fcv 5.0", {}, /compatibility version 6\.0.*older 5\.0/],
  ["replicaSet 6.0.5 fcv 5.0", "replicaSet 6.0.5 fcv 5.0", {}, null],
  ["replicaSet 6.0.5 fcv ?", "replicaSet 6.0.5 fcv 5.0", {}, null],
  ["replicaSet 6.0.5", "replicaSet 6.0.5 fcv ?", {}, null],
  ["replicaSet 6.0.5", "replicaSet unknown fcv ?", {}, null],
  ["sharded 6.0.5", "replicaSet 6.0.5", {}, null],
  ["replicaSet 6.0.5", "sharded 6.0.5", {}, /router of a sharded cluster/],
  [null, "replicaSet 4.4.1", { options: { timeseries: { timeField: "t" } } }, /time series/],
  [null, "replicaSet 5.0.1", { options: { timeseries: { timeField: "t" } } }, null],
  [null, "replicaSet 5.2.0", { options: clustered }, /surg\.a uses a clustered index.*5\.2\.0/],
  [null, "replicaSet 6.0.5 fcv 5.0", { options: clustered }, /6\.0\.5, feature compatibility 5\.0/],
  [null, "replicaSet 5.3.0", { options: clustered }, null],
  [null, "replicaSet 5.0.9", { options: images }, /changeStreamPreAndPostImages/],
  [null, "replicaSet 5.0.9", { options: { changeStreamPreAndPostImages: { enabled: false } } }, null], // prettier-ignore
  [null, "standalone 6.0.5", { options: images }, null],
  [null, "standalone 7.0.5", { options: { encryptedFields: { fields: [] } } }, /standalone/],
  [null, "replicaSet 5.0.9", { index: { key: { a: 1 }, prepareUnique: true } }, /prepareUnique/],
  [null, "replicaSet 4.2.9", { index: { key: { a: 1 }, hidden: true } }, /hidden/],
  [null, "replicaSet 6.0.5", { index: { key: { a: 1, "$**": 1 } } }, /compound wildcard/],
  [null, "replicaSet 6.0.5", { index: { key: { a: 1, "b.$**": 1 } } }, /compound wildcard/],
  [null, "replicaSet 6.0.5", { index: { key: { "$**": 1 } } }, null],
  [null, "replicaSet 7.0.0", { index: { key: { a: 1, "$**": 1 } } }, null],
  [null, "replicaSet 5.0.0", { index: { key: { a: "geoHaystack", b: 1 } } }, /no longer has/],
  [null, "replicaSet 7.0.0", { options: { capped: true, size: 4096 }, index: { key: { a: 1 }, expireAfterSeconds: 9 } }, /capped/], // prettier-ignore
  [null, "replicaSet 7.1.0", { options: { capped: true, size: 4096 }, index: { key: { a: 1 }, expireAfterSeconds: 9 } }, null], // prettier-ignore
];

for (const [from, to, uses, refusal] of CASES) {
  const what = Object.keys(uses).length > 0 ? ` with ${JSON.stringify(uses)}` : "";
  test(`${from ?? "a dump that does not say"} to ${to}${what}: ${refusal ? "refused" : "taken"}`, () => {
    const found = findMisfits(from && server(from), server(to), [collection(uses)]);
    assert.equal(found.length, refusal ? 1 : 0, JSON.stringify(found));
    if (refusal) assert.match(found[0]?.problem ?? "", refusal);
  });
}

test("a collection without metadata asks for nothing", () => {
  const unknown = { namespace: "surg.a", metadata: null };
  assert.deepEqual(findMisfits(null, server("standalone 4.4.0"), [unknown]), []);
});

test("the refusal counts the reasons, exits with 2 and names the way on", () => {
  const reasons = findMisfits(server("replicaSet 7.0.0"), server("sharded 6.0.0"), []);
  const [first, ...others] = reasons;
  assert.ok(first && others.length === 1);
  const error = misfitError([first, ...others]);
  assert.equal(error.exitCode, 2);
  assert.match(error.message, /\(and 1 more reason\)/);
  assert.match(error.hint, /--force-version/);
  assert.deepEqual(
    error.details.reasons,
    reasons.map(({ problem }) => problem),
  );
});
