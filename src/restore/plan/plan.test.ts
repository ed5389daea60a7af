import assert from "node:assert/strict";
import { test } from "node:test";
import { KeepError } from "../../errors.ts";
import { planRestore } from "./plan.ts";
import type { LiveNamespace, PlanRequest, SourceNamespace } from "./plan.ts";

const source = (database: string, name: string): SourceNamespace => ({
  database,
  name,
  type: "collection",
  documents: 3,
  rawBytes: 100,
  contentHash: "00",
  indexes: 1,
});
const live = (database: string, name: string): LiveNamespace => ({
  database,
  name,
  type: "collection",
  documents: 9,
  bytes: 900,
  diskBytes: 500,
  indexes: 1,
  newestId: null,
});
const request = (more: Partial<PlanRequest>): PlanRequest => ({
  backup: "2026-11-23_02-00-00",
  source: [source("surg", "patients"), source("surg", "operations"), source("shop", "orders")],
  live: [],
  rename: new Map(),
  only: null,
  ...more,
});

test("what exists is replaced, what does not is created, what exists only live stays", () => {
  const plan = planRestore(
    request({ live: [live("surg", "patients"), live("surg", "later")], only: ["surg.*"] }),
  );
  assert.deepEqual(
    plan.collections.map((c) => [c.namespace, c.action]),
    [
      ["surg.patients", "replace"],
      ["surg.operations", "create"],
    ],
  );
  assert.deepEqual(plan.keptLive, ["surg.later"]);
  assert.equal(plan.targetWasEmpty, false);
});

test("a restore into nothing says that the target was empty", () => {
  assert.equal(planRestore(request({})).targetWasEmpty, true);
});

test("with --db only the named databases are restored, under their new names", () => {
  const plan = planRestore(request({ rename: new Map([["surg", "surg_copy"]]) }));
  assert.deepEqual(
    plan.collections.map((c) => c.namespace),
    ["surg_copy.patients", "surg_copy.operations"],
  );
});

test("accounts are restored only with whole databases under their own names", () => {
  const accountsOf = ["surg"];
  assert.deepEqual(planRestore(request({ accountsOf })).usersOf, ["surg"]);
  assert.deepEqual(planRestore(request({ accountsOf, only: ["surg.patients"] })).usersOf, []);
  const rename = new Map([["surg", "x"]]);
  assert.deepEqual(planRestore(request({ accountsOf, rename })).usersOf, []);
});

test("a selection that names nothing is an error that shows what there is", () => {
  for (const more of [{ only: ["surg.patient"] }, { rename: new Map([["sugr", "x"]]) }])
    assert.throws(
      () => planRestore(request(more)),
      (e) => e instanceof KeepError && e.exitCode === 2 && e.hint.includes("surg"),
    );
});

test("a dot in --only is a dot, and a star stops at nothing", () => {
  const plan = planRestore(
    request({ source: [source("a", "b.c"), source("a", "bxc")], only: ["a.b.c"] }),
  );
  assert.deepEqual(
    plan.collections.map((c) => c.namespace),
    ["a.b.c"],
  );
});

test("a database of the server's own is no target", () => {
  for (const to of ["local", "config", "admin"])
    assert.throws(
      () => planRestore(request({ rename: new Map([["surg", to]]) })),
      (e) => e instanceof KeepError && e.exitCode === 2,
    );
});

test("two databases cannot be restored as one collection", () => {
  const both = [source("a", "x"), source("b", "x")];
  const rename = new Map([
    ["a", "c"],
    ["b", "c"],
  ]);
  assert.throws(() => planRestore(request({ source: both, rename })), /two namespaces/);
});

test("only namespaces that still exist are planned for removal", () => {
  const plan = planRestore(
    request({ source: [], live: [live("surg", "new")], remove: ["surg.new", "surg.gone"] }),
  );
  assert.deepEqual(plan.remove, ["surg.new"]);
  assert.equal(plan.targetWasEmpty, false);
});
