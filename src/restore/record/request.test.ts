import assert from "node:assert/strict";
import { test } from "node:test";
import { fromStored, storedRequestSchema, toRequest, toStored } from "./request.ts";
import type { RestoreRequest } from "./request.ts";

/** Every option otherwise than by default. */
const FULL: RestoreRequest = {
  backup: "/backups/b",
  confirm: true,
  rename: new Map([["a", "b"]]),
  renameNamespaces: new Map([["a.x", "b.y"]]),
  only: ["a.*"],
  exclude: ["a.z"],
  exact: true,
  inPlace: true,
  expiry: false,
  skipPreBackup: true,
  useService: false,
  forceVersion: true,
  engine: "mongodump",
};

test("a request comes back from plan.json with every option as it was", () => {
  const defaults = toRequest({ backup: FULL.backup });
  for (const [name, value] of Object.entries(FULL))
    if (name !== "backup") assert.notDeepEqual(defaults[name as "exact"], value, name);
  for (const request of [FULL, { ...defaults, confirm: true }]) {
    const written: unknown = JSON.parse(JSON.stringify(toStored(request, FULL.backup)));
    const stored = storedRequestSchema.parse(written);
    assert.deepEqual(fromStored(stored, true), request);
  }
});

test("an option that an earlier version did not have gets its default, and undefined counts as not given", () => {
  const { engine: _, ...earlier } = toStored(FULL, FULL.backup);
  assert.equal(fromStored(storedRequestSchema.parse(earlier), true).engine, "native");
  const given = { backup: "latest", expiry: undefined } as unknown as { backup: string };
  assert.equal(toRequest(given).expiry, true);
});
