import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../../../../tests/support/temporary.ts";
import { freeRestoreId } from "./safety-backup.ts";

const BERLIN = "Europe/Berlin";

test("each restore's id sorts after those before it, whatever the clock says", async (t) => {
  const root = await temporaryFolder(t);
  const next = async (at: string) => {
    const id = await freeRestoreId(root, Date.parse(at), BERLIN);
    await mkdir(join(root, "restores", id), { recursive: true });
    return id;
  };
  assert.equal(await next("2026-10-25T02:50+02:00"), "2026-10-25_02-50-00");
  assert.equal(await next("2026-10-25T02:10+01:00"), "2026-10-25_02-50-01", "winter time began");
  assert.equal(await next("2026-10-15T02:10+02:00"), "2026-10-25_02-50-02", "the clock went back");
  assert.equal(await next("2026-10-25T03:00+01:00"), "2026-10-25_03-00-00");
  assert.equal(await next("2026-10-25T03:00+01:00"), "2026-10-25_03-00-01", "within a second");
  await mkdir(join(root, "restores", "2026-99-99_99-99-99"));
  assert.equal(await next("2026-12-31T23:59:59+01:00"), "2026-12-31_23-59-59");
  assert.equal(await next("2026-12-31T23:59:59+01:00"), "2027-01-01_00-00-00");
});
