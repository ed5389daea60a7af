// Compares retention with an independent model, and checks the rules of docs/retention.md.
import assert from "node:assert/strict";
import fc from "fast-check";
import {
  anyFolder,
  anyHistory,
  DAY,
  ids,
  keptBy,
  modelKeeps,
  simulate,
} from "../../tests/support/retention-model.ts";
import type { Random } from "../../tests/support/random.ts";
import type { TortureCase } from "../runner/case.ts";

/** Histories are years of nights: one for so many folders. */
const HISTORY_EACH = 50;

export const retentionModel: TortureCase = {
  name: "retention-model",
  fault: "random folders of backups, and years of nights with clocks that jump",
  holds:
    "decisions equal to an independent model's; nothing is deleted that docs/retention.md keeps",
  trials: { full: 10_000, quick: 1_000 },
  prepare: () =>
    Promise.resolve({
      run: ({ number, random }) =>
        Promise.resolve(number % HISTORY_EACH === 0 ? tryHistory(random) : tryFolder(random)),
    }),
};

const sample = <T>(from: fc.Arbitrary<T>, random: Random): T => {
  const [one] = fc.sample(fc.noBias(from), { seed: random.below(2 ** 31), numRuns: 1 });
  assert.ok(one !== undefined);
  return one;
};

function tryFolder(random: Random): string {
  const { items, now, zone } = sample(anyFolder, random);
  const kept = keptBy(items, now, zone);
  assert.deepEqual(ids(kept), ids(modelKeeps(items, now, zone)), zone);
  const left = new Set(kept);
  for (const item of modelKeeps(items, now, zone, true)) assert.ok(left.has(item), item.id);
  const goods = items.filter(({ state, type }) => state === "good" && type !== "pre-restore");
  const newest = Math.max(...goods.map((b) => b.createdAtMs).filter((ms) => ms <= now));
  for (const item of items) {
    if (left.has(item) || item.state === "damaged-folder") continue;
    assert.ok(item.type !== "manual" && item.state !== "unreadable", item.id);
    assert.ok(item.createdAtMs < newest && item.createdAtMs <= now - 30 * DAY, item.id);
  }
  return kept.length < items.length ? "a folder, some deleted" : "a folder, all kept";
}

function tryHistory(random: Random): string {
  const history = sample(anyHistory, random);
  simulate(history, ({ now, night, ever, kept }) => {
    const left = new Set(kept);
    for (const item of modelKeeps(ever, now, history.zone, true))
      assert.ok(left.has(item), `${item.id} is gone in night ${night}`);
  });
  return "years of nights";
}
