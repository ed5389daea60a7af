import assert from "node:assert/strict";
import { test } from "node:test";
import type { ListedBackup } from "../jobs/results.ts";
import { choicesOf } from "./choose-backup.ts";

const NOW = Date.UTC(2026, 10, 23, 8);

function listed(id: string, more: Partial<ListedBackup> = {}): ListedBackup {
  return {
    ...{ id, path: `/b/${id}`, state: "good", type: "automatic", note: null, tier: [] },
    createdAt: "2026-11-23T01:00:00.000Z",
    totals: { collections: 7, documents: 12_345, rawBytes: 120e6, storedBytes: 34.5e6 },
    ...{ server: "rs0", databases: ["surg"], exclude: [], users: "included", isLatest: false },
    ...{ verification: null, expiresOn: null, problem: null, ...more },
  };
}

test("each choice has id, latest, type, age, size and state in one line of the terminal", () => {
  const backups = [
    listed("2026-11-23_02-10-00", { type: "pre-restore", state: "unverified" }),
    listed("2026-11-23_02-00-00", { isLatest: true }),
    listed("2026-11-22_02-00-00", { state: "damaged" }),
    listed("2026-11-21_02-00-00", {
      type: "manual",
      note: "before the migration of all\npatients",
    }),
  ];
  const choices = choicesOf(backups, NOW, 74);
  assert.deepEqual(
    choices.map(({ value }) => value),
    ["2026-11-23_02-10-00", "2026-11-23_02-00-00", "2026-11-21_02-00-00"],
  );
  const labels = choices.map(({ label }) => label);
  for (const label of labels) assert.ok(label.length <= 74, label);
  assert.match(labels[0] ?? "", /^2026-11-23_02-10-00 +pre-restore +7 h 00 min +34\.5 MB +unverified$/); // prettier-ignore
  assert.match(labels[1] ?? "", /^2026-11-23_02-00-00 +automatic +7 h 00 min +34\.5 MB +← latest$/); // prettier-ignore
  assert.match(choicesOf(backups, NOW, 120)[2]?.label ?? "", /good +before the migration/);
});
