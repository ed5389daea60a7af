// Of what a restore is advised.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { ComparedCollection } from "../../verify/compare.ts";
import { restoreCommandOf } from "./diff-advice.ts";

const EQUAL: ComparedCollection = {
  namespace: "surg.same",
  type: { backup: "collection", other: "collection" },
  unit: "documents",
  documents: { backup: 1, other: 1 },
  added: 0,
  removed: 0,
  changed: 0,
  samples: { added: [], removed: [], changed: [] },
  indexes: { added: [], removed: [], changed: [] },
  options: "equal",
  equal: true,
};
const other = (namespace: string, part: Partial<ComparedCollection>): ComparedCollection => ({
  ...EQUAL,
  equal: false,
  namespace,
  ...part,
});

test("a restore is advised of what lost something, not of what only grew or is new", () => {
  const collections = [
    EQUAL,
    other("surg.grew", { added: 3 }),
    other("surg.new", { documents: { backup: null, other: 4 }, added: 4, options: "differs" }),
    other("surg.gone", { documents: { backup: 0, other: null }, options: "differs" }),
    other("surg.lost", { removed: 1 }),
    other("surg.changed", { changed: 1 }),
    other("surg.index", { indexes: { added: [], removed: ["a"], changed: [] } }),
    other("surg.it's odd", { options: "differs" }),
  ];
  assert.equal(
    restoreCommandOf("2026-11-23_02-00-00", collections, new Map([["surg", "check"]])),
    `mongokeep restore 2026-11-23_02-00-00 --db surg=check --only surg.gone --only surg.lost --only surg.changed --only surg.index --only 'surg.it'\\''s odd'`,
  );
  assert.equal(restoreCommandOf("x", collections.slice(0, 3), new Map()), null);
});
