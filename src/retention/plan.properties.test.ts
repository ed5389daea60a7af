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
import { localDay } from "./calendar.ts";
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

test("the date that is shown is the first night on which cleanup deletes, if good nights go on", () => {
  fc.assert(
    fc.property(anyFolder, fc.nat({ max: 89 }), ({ items, now, zone }, pick) => {
      const { decisions } = planRetention(items, now, POLICY, zone);
      const dated = decisions.filter((d) => d.action === "keep" && d.expiresAtMs !== null);
      const decision = dated[pick % Math.max(1, dated.length)];
      if (decision?.expiresAtMs == null) return;
      const { id, expiresAtMs } = decision;
      const newest = items
        .filter((b) => b.state === "good" && b.type !== "pre-restore" && b.createdAtMs <= now)
        .toSorted((a, b) => b.createdAtMs - a.createdAtMs)[0];
      if (!newest) return;
      const dayOf = (ms: number) => localDay(ms, zone).number;
      const hasToday = items.some(
        (b) => b.state === "good" && b.type === "automatic" && b.createdAtMs <= now && dayOf(b.createdAtMs) === dayOf(now),
      ); // prettier-ignore
      const goneOn = (ms: number) => {
        // Each night at the time of day that it is now, beginning today where today has none yet.
        const nights: RetentionItem[] = [];
        for (let at = hasToday ? now + DAY : now; at <= ms; at += DAY)
          nights.push({ ...newest, id: `night${at}`, createdAtMs: at, type: "automatic", pinned: null }); // prettier-ignore
        const all = [...items, ...nights];
        return planRetention(all, ms, POLICY, zone).decisions.find((d) => d.id === id)?.action;
      };
      assert.equal(goneOn(expiresAtMs + DAY), "delete", `${id} on the day after its date`);
      assert.equal(goneOn(expiresAtMs - DAY), "keep", `${id} on the day before its date`);
    }),
    { numRuns: 60 * MORE },
  );
});

test("the date that is shown stays the same through nights that are good", () => {
  fc.assert(
    fc.property(anyFolder, fc.integer({ min: 1, max: 20 }), ({ items, now, zone }, nights) => {
      const goods = items.filter((b) => b.state === "good" && b.type !== "pre-restore" && b.createdAtMs <= now); // prettier-ignore
      const newest = goods.reduce<RetentionItem | null>((a, b) => (a && a.createdAtMs > b.createdAtMs ? a : b), null); // prettier-ignore
      if (!newest) return;
      const night = (n: number): RetentionItem => ({ ...newest, id: `night${n}`, createdAtMs: now + n * DAY, type: "automatic", pinned: null }); // prettier-ignore
      const before = [...items.filter((b) => b.createdAtMs <= now), night(0)];
      const after = [...before, ...Array.from({ length: nights }, (_, n) => night(n + 1))];
      const datesOf = (some: RetentionItem[], at: number) =>
        new Map(planRetention(some, at, POLICY, zone).decisions.map((d) => [d.id, d]));
      const later = datesOf(after, now + nights * DAY + MINUTE);
      for (const [id, { expiresAtMs }] of datesOf(before, now + MINUTE)) {
        const now2 = later.get(id);
        if (expiresAtMs === null || now2?.action === "delete") continue;
        const moved = Math.abs((now2?.expiresAtMs ?? NaN) - expiresAtMs);
        assert.ok(moved < 2 * 60 * MINUTE, `${id}: ${moved / DAY} days`);
      }
    }),
    { numRuns: 40 * MORE },
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
