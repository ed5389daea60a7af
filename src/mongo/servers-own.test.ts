// Whose a namespace is.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isServersDatabase, ownerOf } from "./servers-own.ts";
import type { Owner } from "./servers-own.ts";

const OWNERS: Readonly<Record<Owner, readonly string[]>> = {
  data: [
    "surg.patients",
    "surg.tmp.mr.visits",
    "surg.tmp.agg_out.report",
    "surg.system.js",
    "surg.system.users",
    "surg.system.buckets.pulse",
    "surg.systematic",
    "surg.enxcol_.patients.esc",
    "surg.local.oplog.rs",
    "surg.__mongokeep_notes",
    "admin.system.js",
    "admin.tempusers",
    "admin.temproles_2024",
    "config.settings",
    "config.shards",
    "__mdb_notes.a",
  ],
  accounts: ["admin.system.users", "admin.system.roles", "admin.system.version"],
  server: [
    "surg.system.profile",
    "surg.system.views",
    "admin.system.keys",
    "admin.system.profile",
    "admin.system.views",
    "config.system.sessions",
    "config.transactions",
    "config.image_collection",
    "config.system.preimages",
    "config.cache.chunks.surg.patients",
    "config.rangeDeletions",
    "local.oplog.rs",
    "local.startup_log",
    "local.replset.election",
    "local.system.replset",
    "__mdb_internal_search.indexCatalog",
  ],
  stray: ["config.mine", "config.transactions2", "config.setting", "local.mine", "local.oplog.rs2"],
};

test("each namespace has the owner that the server gives it", () => {
  for (const [owner, namespaces] of Object.entries(OWNERS))
    for (const namespace of namespaces) {
      const dot = namespace.indexOf(".");
      const found = ownerOf(namespace.slice(0, dot), namespace.slice(dot + 1));
      assert.equal(found, owner, namespace);
    }
});

test("databases of the server alone", () => {
  for (const name of ["local", "config", "__mdb_internal_atlas"])
    assert.ok(isServersDatabase(name), name);
  for (const name of ["admin", "surg", "Local", "configs", "__mdb_notes"])
    assert.ok(!isServersDatabase(name), name);
});
