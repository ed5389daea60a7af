// What somebody reads at 2 a.m. before deciding on a restore, word for word.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DiffResult } from "../../jobs/results.ts";
import { PLAIN } from "../style.ts";
import { formatDiff } from "./diff.ts";

const view = { style: PLAIN, zone: "UTC", nowMs: 0 };
const ID = "2026-11-23_02-00-00";
const NONE = { added: [], removed: [], changed: [] };

const EQUAL: DiffResult["collections"][number] = {
  namespace: "surg.same",
  type: { backup: "collection", other: "collection" },
  unit: "documents",
  documents: { backup: 3, other: 3 },
  added: 0,
  removed: 0,
  changed: 0,
  samples: NONE,
  indexes: NONE,
  options: "equal",
  equal: true,
};
const diffOf = (part: Partial<DiffResult>): DiffResult => ({
  ok: true,
  equal: false,
  backup: ID,
  other: "live",
  collections: [EQUAL],
  notCompared: ["users and roles"],
  restoreCommand: null,
  warnings: [],
  ...part,
});

test("where nothing differs, that is said, and what was not looked at", () => {
  assert.equal(
    formatDiff(diffOf({ equal: true }), view),
    [
      `${ID} compared with the live data`,
      "equal: 1 collection of 1; not compared: users and roles",
      "nothing differs: no restore is needed",
    ].join("\n"),
  );
});

test("what was lost, changed and written since stands in a row each, with what a restore would cost", () => {
  const patients = {
    ...EQUAL,
    equal: false,
    namespace: "surg.patients",
    added: 2,
    removed: 1_200,
    changed: 1,
    samples: { added: ["1", "2"], removed: ['"a\u202e"'], changed: ["3"] },
    indexes: { ...NONE, removed: ["mrn_1"] },
  };
  const gone = { ...EQUAL, equal: false, namespace: "surg.gone", documents: { backup: 5, other: null }, removed: 5 } as const; // prettier-ignore
  const restoreCommand = `mongokeep restore ${ID} --only surg.patients --only surg.gone`;
  const text = formatDiff(diffOf({ collections: [EQUAL, patients, gone], restoreCommand }), view);
  assert.equal(
    text,
    [
      `${ID} compared with the live data`,
      "  collection     only in the backup  only live  changed  besides",
      "  surg.patients               1,200          2        1  index missing: mrn_1",
      "  surg.gone                       5          0        0  the whole collection is missing on the other side",
      "  only in the backup: a restore brings it back; only live: written since, a restore would lose it",
      "  surg.patients, by _id",
      '    only in the backup: "a\\u202e" and 1,199 more',
      "    only live: 1, 2",
      "    changed: 3",
      "equal: 1 collection of 3; not compared: users and roles",
      "a restore of 2 collections would bring 1,205 documents back and undo 1 change and put definitions back, and would lose 2 documents written since",
      `its plan, which changes nothing yet: ${restoreCommand}`,
    ].join("\n"),
  );
});

test("where there only is more than in the backup, no restore is advised", () => {
  const grown = { ...EQUAL, equal: false, namespace: "surg.log", added: 9 };
  const text = formatDiff(diffOf({ collections: [grown] }), view);
  assert.match(text, /no restore is needed, unless what was added is what is wrong$/);
  assert.doesNotMatch(text, /mongokeep restore/);
});

test("two backups are told apart as first and second, without advice on live data", () => {
  const changed = { ...EQUAL, equal: false, changed: 1 };
  const text = formatDiff(diffOf({ other: "2026-11-24_02-00-00", collections: [changed] }), view);
  assert.match(text, /only in the first {2}only in the second {2}changed/);
  assert.doesNotMatch(text, /live|restore/);
});

test("a lost index alone is worth a restore, and nothing is said of documents", () => {
  const one = { ...EQUAL, equal: false, indexes: { ...NONE, removed: ["mrn_1"] } };
  const restoreCommand = `mongokeep restore ${ID} --only surg.same`;
  const text = formatDiff(diffOf({ collections: [one], restoreCommand }), view);
  assert.match(text, /^a restore of 1 collection would put definitions back$/m);
});
