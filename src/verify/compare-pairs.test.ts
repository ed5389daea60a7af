// Which collections are compared with which, and what is left out.
import assert from "node:assert/strict";
import { test } from "node:test";
import { pairUp } from "./compare-pairs.ts";
import type { SideCollection } from "./compare-sides.ts";

const sides = (...namespaces: readonly string[]) =>
  namespaces.map((namespace) => {
    const dot = namespace.indexOf(".");
    return { database: namespace.slice(0, dot), name: namespace.slice(dot + 1) } as SideCollection;
  });
const ALL = { rename: new Map<string, string>(), only: null, exclude: [], leftOut: [] };
const shown = (pairs: ReturnType<typeof pairUp>) =>
  pairs.map(({ namespace, backup, other }) => `${namespace} ${backup ? "b" : ""}${other ? "o" : ""}`); // prettier-ignore

test("collections of either side are paired by name, what the backup leaves out is not told as new", () => {
  const live = sides("surg.b", "surg.a", "surg.log", "tmp.x");
  const choice = { ...ALL, leftOut: ["surg.log", "tmp"] };
  const pairs = pairUp(sides("surg.b", "surg.c"), live, choice);
  assert.deepEqual(shown(pairs), ["surg.a o", "surg.b bo", "surg.c b"]);
});

test("a renamed database is compared under the name in the backup, and only that one", () => {
  const choice = { ...ALL, rename: new Map([["surg", "check"]]) };
  const pairs = pairUp(sides("surg.a", "other.a"), sides("check.a", "check.b", "surg.z"), choice);
  assert.deepEqual(shown(pairs), ["surg.a bo", "surg.b o"]);
  assert.equal(pairs[0]?.other?.database, "check");
});

test("only and exclude choose by pattern, a database's name stands for all of it, and a mistake is said", () => {
  const backup = sides("surg.a", "surg.ab", "lab.a");
  const chosen = (choice: object) => shown(pairUp(backup, [], { ...ALL, ...choice }));
  assert.deepEqual(chosen({ only: ["*.a"] }), ["lab.a b", "surg.a b"]);
  assert.deepEqual(chosen({ only: ["surg.*"], exclude: ["*.ab"] }), ["surg.a b"]);
  assert.deepEqual(chosen({ exclude: ["surg"] }), ["lab.a b"]);
  assert.throws(() => chosen({ only: ["surg.a", "surg.x"] }), { code: "usage" });
  assert.throws(() => chosen({ rename: new Map([["nope", "x"]]) }), { code: "usage" });
});
