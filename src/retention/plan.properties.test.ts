// Retention against an independent model, and through simulated years. SLOW=1 runs many more.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { cutoffBefore } from "./calendar.ts";
import type { RetentionItem, RetentionState } from "./item.ts";
import { planRetention } from "./plan.ts";
import { parsePeriod } from "./policy.ts";
import type { Period } from "./policy.ts";

const MORE = process.env.SLOW === "1" ? 60 : 1;
const DAY = 86_400_000;
const MINUTE = 60_000;
const ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Pacific/Auckland", "Asia/Beirut"];
const POLICY = {
  daily: parsePeriod("30d"),
  weekly: parsePeriod("3mo"),
  monthly: parsePeriod("1y"),
};
type Items = readonly RetentionItem[];

// The model: days by Intl, places by brute force, one question for each backup.

const formats = new Map(
  ZONES.map((timeZone) => [timeZone, new Intl.DateTimeFormat("en-CA", { timeZone })]),
);
const known = new Map<string, number>();
function dayOf(ms: number, zone: string): number {
  const key = `${zone} ${ms}`;
  const day = known.get(key) ?? Date.parse(formats.get(zone)?.format(ms) ?? "") / DAY;
  if (known.size > 300_000) known.clear();
  known.set(key, day);
  return day;
}
const weekOf = (day: number) => Math.floor((day + 3) / 7);
const monthOf = (day: number) => new Date(day * DAY).toISOString().slice(0, 7);

/** The sum of the gaps of two days or more, back to where 29 single days have been counted. */
function gaps([later, ...older]: number[], singles = 0): number {
  const [day] = older;
  if (later === undefined || day === undefined || singles >= 29) return 0;
  return later - day > 1 ? later - day + gaps(older, singles) : gaps(older, singles + later - day);
}

function modelNow(goodDays: number[], now: number, zone: string): number {
  const today = dayOf(now, zone);
  const off = gaps([today, ...goodDays.toSorted((a, b) => b - a).slice(0, 30)]);
  let start = (today - off) * DAY - 15 * 60 * MINUTE;
  while (dayOf(start, zone) < today - off) start += 15 * MINUTE;
  return off === 0 ? now : start;
}

/** Which ones of one group the rules keep. `plain`: DESIGN section 8 under a right clock, no safety net. */
function modelKeeps(group: Items, now: number, zone: string, plain = false): RetentionItem[] {
  const days = new Map(group.map((b) => [b, dayOf(b.createdAtMs, zone)]));
  const day = (b: RetentionItem) => days.get(b) ?? NaN;
  const later = (a: RetentionItem, b: RetentionItem) =>
    a.createdAtMs > b.createdAtMs || (a.createdAtMs === b.createdAtMs && a.id > b.id);
  const past = group.filter((b) => b.createdAtMs <= now);
  const goods = past.filter((b) => b.state === "good" && b.type !== "pre-restore");
  const newest = goods.find((b) => !goods.some((c) => later(c, b)));
  const autos = goods.filter((b) => b.type === "automatic");
  const lasts = autos.filter((b) => !autos.some((c) => day(c) === day(b) && later(c, b)));
  const trusted = plain ? now : modelNow(lasts.map(day), now, zone);
  const young = (b: RetentionItem, period: Period) =>
    b.createdAtMs > cutoffBefore(trusted, period, zone);
  const fills = (
    b: RetentionItem,
    place: (day: number) => number | string,
    better: (c: number, d: number) => boolean,
    enough: number,
    period: Period,
  ) => {
    const own = place(day(b));
    if (!lasts.includes(b) || lasts.some((c) => place(day(c)) === own && better(day(c), day(b))))
      return false;
    const newer = new Set(lasts.map((c) => place(day(c))).filter((other) => other > own)).size;
    return young(b, period) || (!plain && newer < enough);
  };
  const quarter = dayOf(now, zone) - dayOf(cutoffBefore(now, POLICY.weekly, zone), zone);
  const weekly = (b: RetentionItem) =>
    fills(b, weekOf, (c, d) => c > d, Math.floor(quarter / 7), POLICY.weekly);
  const monthly = (b: RetentionItem) => fills(b, monthOf, (c, d) => c < d, 12, POLICY.monthly);
  const full = Math.max(...goods.filter((b) => young(b, POLICY.daily)).map((b) => b.documents), 0);
  const held =
    !plain && (!newest || now - newest.createdAtMs > 7 * DAY || newest.documents < full / 2);
  return group.filter((b) => {
    if (b.state === "unreadable" || b.pinned !== null || b.createdAtMs > now) return true;
    const aside = b.state === "damaged-folder";
    if (aside && past.filter((c) => c.state === b.state && later(c, b)).length > 1) return false;
    if (held || !newest || newest.createdAtMs <= b.createdAtMs) return true;
    if (aside) return young(b, { count: 7, unit: "d" });
    if (b.type === "manual" || young(b, { count: 30, unit: "d" })) return true;
    return b.type === "automatic" && (weekly(b) || monthly(b));
  });
}

// Random folders.

const STATES: RetentionState[] = ["good", "unverified", "damaged", "damaged-folder", "unreadable"];
const weighted = <T>(...pairs: [T, number][]) =>
  fc.oneof(...pairs.map(([value, weight]) => ({ arbitrary: fc.constant(value), weight })));

const anyMoment = fc.integer({ min: Date.parse("2025-01-01"), max: Date.parse("2039-01-01") });
const anyZone = fc.constantFrom(...ZONES);
const anyBackup = fc.record({
  daysAgo: fc.oneof(
    { arbitrary: fc.integer({ min: -20, max: 450 }), weight: 1 },
    { arbitrary: fc.integer({ min: 0, max: 40 }), weight: 2 },
  ),
  minutes: fc.integer({ min: 0, max: 1439 }),
  type: weighted<RetentionItem["type"]>(["automatic", 20], ["manual", 1], ["pre-restore", 2]),
  state: weighted<RetentionState>(
    ["good", 25],
    ...STATES.slice(1).map((s): [RetentionState, number] => [s, 1]),
  ),
  documents: weighted([1000, 20], [600, 3], [400, 1]),
  pinned: weighted<string | null>([null, 30], ["being restored", 1]),
});

const anyFolder = fc
  .record({ now: anyMoment, zone: anyZone, all: fc.array(anyBackup, { maxLength: 90 }) })
  .map(({ now, zone, all }) => ({
    now,
    zone,
    items: all.map(({ daysAgo, minutes, ...rest }, n): RetentionItem => ({
      ...rest,
      id: `b${n}`,
      createdAtMs: now - daysAgo * DAY - minutes * MINUTE,
      group: "rs0",
      parent: null,
    })),
  }));

function keptBy(items: Items, now: number, zone: string): RetentionItem[] {
  const { decisions } = planRetention(items, now, POLICY, zone);
  const kept = new Set(decisions.filter((d) => d.action === "keep").map((d) => d.id));
  return items.filter(({ id }) => kept.has(id));
}

const ids = (items: Items) => items.map(({ id }) => id).sort();

test("the plan decides as the model does", () => {
  fc.assert(
    fc.property(anyFolder, ({ items, now, zone }) => {
      assert.deepEqual(ids(keptBy(items, now, zone)), ids(modelKeeps(items, now, zone)));
    }),
    { numRuns: 300 * MORE },
  );
});

test("nothing goes that DESIGN section 8 keeps, and no hold deletes anything", () => {
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

// Simulated years: a run every night at two, cleanup after each good one, and a clock that may be wrong.

interface History {
  readonly zone: string;
  readonly startDay: number;
  readonly nights: number;
  /** Each in percent of the nights. */
  readonly missed: number;
  readonly damaged: number;
  readonly manual: number;
  readonly jump: { readonly night: number; readonly nights: number; readonly offsetMs: number };
  readonly seed: number;
}

const offsets = fc.oneof(
  fc.constantFrom(-10 * DAY, 42 * DAY, 400 * DAY, 0),
  fc.integer({ min: DAY, max: 500 * DAY }),
  fc.integer({ min: -300 * DAY, max: -1 }),
);
const anyHistory: fc.Arbitrary<History> = fc.record({
  zone: anyZone,
  startDay: fc.integer({
    min: Date.parse("2026-01-01") / DAY,
    max: Date.parse("2037-06-01") / DAY,
  }),
  nights: fc.integer({ min: 120, max: 500 }),
  missed: fc.constantFrom(0, 0, 2, 15),
  damaged: fc.constantFrom(0, 2, 10),
  manual: fc.constantFrom(0, 2),
  jump: fc.record({
    night: fc.integer({ min: 1, max: 500 }),
    nights: fc.integer({ min: 1, max: 20 }),
    offsetMs: offsets,
  }),
  seed: fc.nat(),
});

function* randoms(seed: number): Generator<number, never> {
  for (let state = seed >>> 0; ;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield (state >>> 8) / 2 ** 24;
  }
}

/** Two o'clock local time of a day, by search. */
function nightOf(day: number, zone: string): number {
  let ms = day * DAY - 15 * 60 * MINUTE;
  while (dayOf(ms, zone) < day) ms += 30 * MINUTE;
  return ms + 120 * MINUTE;
}

interface Night {
  /** By a clock that is right. */
  readonly now: number;
  readonly night: number;
  readonly ever: Items;
  readonly kept: Items;
}

function simulate(history: History, check: (night: Night) => void): void {
  const random = randoms(history.seed);
  const percent = () => random.next().value * 100;
  const { zone, jump } = history;
  const ever: RetentionItem[] = [];
  let kept: RetentionItem[] = [];
  for (let night = 0; night < history.nights; night++) {
    if (percent() < history.missed) continue;
    const real = nightOf(history.startDay + night, zone) + Math.floor(percent()) * 1000;
    const wrong = night >= jump.night && night < jump.night + jump.nights;
    const createdAtMs = real + (wrong ? jump.offsetMs : 0);
    const good = percent() >= history.damaged;
    const backup: RetentionItem = {
      id: `n${night}`,
      createdAtMs,
      type: percent() < history.manual ? "manual" : "automatic",
      state: good ? "good" : percent() < 50 ? "damaged" : "unverified",
      group: "rs0",
      documents: 1000 + night,
      pinned: null,
      parent: null,
    };
    ever.push(backup);
    kept.push(backup);
    if (good) kept = keptBy(kept, createdAtMs + 5 * MINUTE, zone);
    if (wrong || night % 40 === 0 || night === history.nights - 1) {
      check({ now: real + 5 * MINUTE, night, ever, kept });
    }
  }
}

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

test("through years of right nights, what is left is exactly what DESIGN section 8 says", () => {
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
