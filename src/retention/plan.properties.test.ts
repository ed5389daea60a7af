// Retention against an independent model, and through simulated years. SLOW=1 runs many more.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  anyFolder,
  anyHistory,
  anyZone,
  DAY,
  ids,
  keptBy,
  MINUTE,
  modelKeeps,
  nightOf,
  POLICY,
  simulate,
} from "../../tests/support/retention-model.ts";
import type { RetentionItem } from "./item.ts";
import { planRetention } from "./plan.ts";

const MORE = process.env.SLOW === "1" ? 60 : 1;
test("the plan decides as the model does", () => {
  fc.assert(
    fc.property(anyFolder, ({ items, now, zone }) => {
      assert.deepEqual(ids(keptBy(items, now, zone)), ids(modelKeeps(items, now, zone)));
    }),
    { numRuns: 300 * MORE },
  );
});

test("cleanup deletes nothing that docs/retention.md keeps, and a hold deletes nothing", () => {
  fc.assert(
    fc.property(anyFolder, ({ items, now, zone }) => {
      const kept = new Set(keptBy(items, now, zone));
      for (const b of modelKeeps(items, now, zone, true)) assert.ok(kept.has(b), b.id);
      const goods = items.filter((b) => b.state === "good" && b.type !== "pre-restore");
      const newest = Math.max(...goods.map((b) => b.createdAtMs).filter((ms) => ms <= now));
      const gone = items.filter((b) => !kept.has(b) && b.state !== "damaged-folder");
      for (const b of gone) {
        assert.ok(b.type !== "manual" && b.state !== "unreadable" && b.pinned === null, b.id);
        assert.ok(b.createdAtMs <= now - 30 * DAY && b.createdAtMs < newest, b.id);
        assert.ok(now - newest <= 7 * DAY, b.id);
      }
    }),
    { numRuns: 200 * MORE },
  );
});

test("cleaning up twice deletes nothing more", () => {
  fc.assert(
    fc.property(anyFolder, ({ items, now, zone }) => {
      const once = keptBy(items, now, zone);
      assert.deepEqual(ids(keptBy(once, now, zone)), ids(once));
    }),
    { numRuns: 300 * MORE },
  );
});

test("neither the order of the backups nor another group changes a decision", () => {
  fc.assert(
    fc.property(anyFolder, anyFolder, ({ items, now, zone }, other) => {
      const others = other.items.map((b) => ({ ...b, id: `o${b.id}`, group: "rs1" }));
      const mixed = [...others, ...items].reverse();
      const kept = keptBy(mixed, now, zone).filter(({ group }) => group === "rs0");
      assert.deepEqual(ids(kept), ids(keptBy(items, now, zone)));
    }),
    { numRuns: 50 * MORE },
  );
});

test("through years of nights, no clock that jumps makes cleanup delete what a right one keeps", () => {
  fc.assert(
    fc.property(anyHistory, (history) => {
      simulate(history, ({ now, night, ever, kept }) => {
        const left = new Set(kept);
        for (const b of modelKeeps(ever, now, history.zone, true)) {
          assert.ok(left.has(b), `${b.id} is gone in night ${night}`);
        }
      });
    }),
    { numRuns: 4 * MORE },
  );
});

test("after years of regular nights exactly the backups of docs/retention.md are left", () => {
  const right = { missed: 0, damaged: 0, jump: { night: 0, nights: 0, offsetMs: 0 } };
  fc.assert(
    fc.property(anyHistory, (history) => {
      simulate({ ...history, ...right, manual: 0 }, ({ now, ever, kept }) => {
        assert.deepEqual(ids(kept), ids(modelKeeps(ever, now, history.zone, true)));
      });
    }),
    { numRuns: 3 * MORE },
  );
});

test("the date of deletion that is shown is the night on which it goes", () => {
  fc.assert(
    fc.property(anyZone, fc.integer({ min: 20_500, max: 24_000 }), (zone, startDay) => {
      const shown = new Map<string, number>();
      let kept: RetentionItem[] = [];
      for (let night = 0; night < 130; night++) {
        const createdAtMs = nightOf(startDay + night, zone);
        kept.push({
          id: `n${night}`,
          createdAtMs,
          type: "automatic",
          state: "good",
          group: "rs0",
          documents: 1,
          pinned: null,
          parent: null,
        });
        const now = createdAtMs + 5 * MINUTE;
        const { decisions } = planRetention(kept, now, POLICY, zone);
        for (const { id, action, expiresAtMs } of decisions) {
          // An hour may be lost or won where two o'clock does not exist.
          const late = now + 60 * MINUTE - (shown.get(id) ?? NaN);
          if (action === "keep") shown.set(id, expiresAtMs ?? NaN);
          else
            assert.ok(late >= 0 && late < DAY + 120 * MINUTE, `${id} in night ${night}: ${late}`);
        }
        const gone = new Set(decisions.filter((d) => d.action === "delete").map((d) => d.id));
        kept = kept.filter(({ id }) => !gone.has(id));
      }
    }),
    { numRuns: 2 * MORE },
  );
});
