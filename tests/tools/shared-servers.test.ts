// The shared servers and a fresh database on each: what most end-to-end tests begin with.
import assert from "node:assert/strict";
import { test } from "node:test";
import { meetsVersion, requires } from "../support/requires.ts";

for (const topology of ["replicaSet", "standalone"] as const) {
  requires({ topology }, "a fresh database is empty and takes writes", async (_t, fresh) => {
    assert.deepEqual(await fresh.db.collections(), []);
    await fresh.db.collection("patients").insertOne({ name: "A" });
    assert.equal(await fresh.db.collection("patients").countDocuments(), 1);
  });
}

test("versions are compared as numbers, not as text", () => {
  assert.equal(meetsVersion(">=5.0", "6.0.5"), true);
  assert.equal(meetsVersion(">=6.1", "6.0.5"), false);
  assert.equal(meetsVersion(">=9.0", "10.0.0"), true);
  assert.equal(meetsVersion(undefined, "4.4.1"), true);
});
