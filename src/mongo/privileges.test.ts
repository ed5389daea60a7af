// How rights match resources: as the server does it, tried against MongoDB 6.0.
import assert from "node:assert/strict";
import { test } from "node:test";
import { authorityOf } from "./privileges.ts";
import type { Granted } from "./privileges.ts";

const may = (resource: Granted, database: string, name: string) =>
  authorityOf([{ resource, actions: ["find"] }]).missing({ database, name, actions: ["find"] })
    .length === 0;

const ALL = { db: "", collection: "" };
const SURG = { db: "surg", collection: "" };

test("rights on a database are rights on its collections, but not on the server's own in it", () => {
  assert.ok(may(SURG, "surg", "patients"));
  assert.ok(may(SURG, "surg", ""));
  assert.ok(!may(SURG, "other", "patients"));
  for (const name of ["system.js", "system.views", "system.buckets.vitals", "system.users"])
    assert.ok(!may(SURG, "surg", name), name);
});

test("rights on all databases leave out local and config", () => {
  assert.ok(may(ALL, "surg", "patients"));
  assert.ok(may(ALL, "admin", "tempusers"));
  assert.ok(may(ALL, "", ""));
  assert.ok(!may(SURG, "", ""));
  for (const database of ["local", "config"]) assert.ok(!may(ALL, database, "settings"), database);
  assert.ok(may({ db: "config", collection: "" }, "config", "settings"));
  assert.ok(!may({ db: "local", collection: "" }, "local", "replset.election"));
});

test("a name without a database is that collection in every database", () => {
  assert.ok(may({ db: "", collection: "system.js" }, "surg", "system.js"));
  assert.ok(!may({ db: "", collection: "system.js" }, "surg", "patients"));
  assert.ok(may({ db: "surg", collection: "patients" }, "surg", "patients"));
  assert.ok(!may({ db: "surg", collection: "patients" }, "surg", "__mongokeep_1_0"));
  assert.ok(!may({ db: "surg", collection: "patients" }, "surg", ""));
});

test("buckets have resources of their own", () => {
  assert.ok(may({ system_buckets: "" }, "surg", "system.buckets.vitals"));
  assert.ok(may({ db: "surg", system_buckets: "vitals" }, "surg", "system.buckets.vitals"));
  assert.ok(!may({ db: "other", system_buckets: "" }, "surg", "system.buckets.vitals"));
  assert.ok(!may({ system_buckets: "" }, "surg", "vitals"));
  assert.ok(!may({ system_buckets: "" }, "surg", ""));
});

test("rights add up, and those of the cluster are on no collection", () => {
  const { missing } = authorityOf([
    { resource: SURG, actions: ["find"] },
    { resource: { db: "surg", collection: "patients" }, actions: ["insert"] },
    { resource: { cluster: true }, actions: ["applyOps"] },
  ]);
  const need = { database: "surg", name: "patients", actions: ["find", "insert", "applyOps"] };
  assert.deepEqual(missing(need), ["applyOps"]);
  assert.ok(may({ anyResource: true }, "local", "system.replset"));
  const all = authorityOf([{ resource: { anyResource: true }, actions: ["anyAction"] }]);
  assert.deepEqual(all.missing(need), []);
});
