// Reports on disk: written for one user alone, and read back whatever else lies there.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { listDrills, writeDrill } from "./drill-files.ts";
import type { DrillReport } from "./drill-result.ts";
import { localDisk } from "../../storage/local-disk.ts";

const REPORT = {
  schema: 1,
  ok: true,
  tool: { name: "mongokeep", version: "0" },
  host: "backup-host",
  startedAt: "2026-11-23T03:00:00.000Z",
  finishedAt: "2026-11-23T03:00:01.000Z",
  backup: { id: "b", path: "/b", createdAt: null, type: null, serverVersion: null, scope: { hosts: ["h:1"], databases: null } }, // prettier-ignore
  server: null,
  timings: { verifySeconds: 0, startSeconds: 0, restoreSeconds: 0, compareSeconds: 0, checkSeconds: 0, totalSeconds: 0 }, // prettier-ignore
  collections: [],
  accounts: "not tried",
  checks: [],
  problems: [],
  warnings: [],
} as const satisfies Omit<DrillReport, "id">;

test("two drills of one second are two, newest first, and what is no report is passed over", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "mk-drills-"));
  t.after(() => rm(root, { recursive: true }));
  assert.deepEqual(await listDrills(localDisk, root), []);
  const first = await writeDrill(localDisk, root, "UTC", REPORT);
  const second = await writeDrill(localDisk, root, "UTC", { ...REPORT, ok: false });
  assert.deepEqual([first.id, second.id], ["2026-11-23_03-00-00", "2026-11-23_03-00-01"]);
  assert.equal((await stat(join(root, "drills"))).mode & 0o777, 0o700);
  for (const [id, text] of Object.entries({
    "2026-11-24_00-00-00": "{",
    "2026-11-24_00-00-01": "null",
    "2026-11-24_00-00-02": "{}",
    "2026-11-24_00-00-03": '{"ok": true, "startedAt": 7}',
  })) {
    // prettier-ignore
    await mkdir(join(root, "drills", id));
    await writeFile(join(root, "drills", id, "report.json"), text);
  }
  await mkdir(join(root, "drills", "2026-11-25_00-00-00"));
  await writeFile(join(root, "drills", "2026-11-25_00-00-01"), "");
  await symlink(join(root, "drills", first.id), join(root, "drills", "2026-11-25_00-00-02"));
  const found = await listDrills(localDisk, root);
  assert.deepEqual(found.map(({ id, ok }) => [id, ok]), [[second.id, false], [first.id, true]]); // prettier-ignore
  assert.deepEqual(found[0]?.scope, { hosts: ["h:1"], databases: null });
});
