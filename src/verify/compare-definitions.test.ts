// What counts as another index or another option, and what is only written in another way.
import assert from "node:assert/strict";
import { test } from "node:test";
import { BSON, Double, Long } from "bson";
import { compareIndexes, sameOptions } from "./compare-definitions.ts";

const described = (options: object, indexes: readonly object[] = [], lostOrder = false) => ({
  options: BSON.serialize(options),
  indexes: indexes.map((one) => BSON.serialize(one)),
  lostOrder,
});

test("indexes are told apart by name, as new, missing or changed", () => {
  const id = { v: 2, key: { _id: 1 }, name: "_id_" };
  const found = compareIndexes(
    described({}, [id, { key: { a: 1 }, name: "a" }, { key: { b: 1, c: 1 }, name: "bc" }]),
    described({}, [{ key: { c: 1, b: 1 }, name: "bc" }, { key: { d: 1 }, name: "d" }, id]),
  );
  assert.deepEqual(found, { added: ["d"], removed: ["a"], changed: ["bc"] });
});

test("numbers of another type, another order of an index's fields and its namespace mean nothing", () => {
  const one = { v: 2, key: { a: 1 }, name: "a", expireAfterSeconds: 60, ns: "surg.x" };
  const two = { name: "a", expireAfterSeconds: Long.fromNumber(60), key: { a: new Double(1) }, v: 2 };
  const none = { added: [], removed: [], changed: [] };
  assert.deepEqual(compareIndexes(described({}, [one]), described({}, [two])), none);
}); // prettier-ignore

test("the order of keys counts in a validator, not in a collation, nor where a tool has lost it", () => {
  const one = { validator: { a: 1, b: 1 }, collation: { locale: "de", strength: 2 } };
  const turned = { validator: { b: 1, a: 1 }, collation: { locale: "de", strength: 2 } };
  const settings = { collation: { strength: 2, locale: "de" }, validator: { a: 1, b: 1 } };
  assert.equal(sameOptions(described(one), described(settings)), true);
  assert.equal(sameOptions(described(one), described(turned)), false);
  assert.equal(sameOptions(described(one), described(turned, [], true)), true);
  const pipelines = [
    { pipeline: [{ $a: 1 }, { $b: 1 }] },
    { pipeline: [{ $b: 1 }, { $a: 1 }] },
  ].map((p) => described(p, [], true)) as [ReturnType<typeof described>, ReturnType<typeof described>]; // prettier-ignore
  assert.equal(sameOptions(...pipelines), false);
});
