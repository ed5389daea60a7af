// Retention by an independent model, for random folders and through simulated years: days by Intl, places by
// brute force, one question for each backup.
import fc from "fast-check";
import type { RetentionItem, RetentionState } from "../../src/retention/item.ts";
import { cutoffBefore } from "../../src/retention/calendar.ts";
import { planRetention } from "../../src/retention/plan.ts";
import { parsePeriod } from "../../src/retention/policy.ts";
import type { Period } from "../../src/retention/policy.ts";

export const DAY = 86_400_000;
export const MINUTE = 60_000;
export const ZONES = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "Pacific/Auckland",
  "Asia/Beirut",
];
export const POLICY = {
  daily: parsePeriod("30d"),
  weekly: parsePeriod("3mo"),
  monthly: parsePeriod("1y"),
};
export type Items = readonly RetentionItem[];

const formats = new Map<string, Intl.DateTimeFormat>();
function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone) ?? new Intl.DateTimeFormat("en-CA", { timeZone });
  formats.set(timeZone, known);
  return known;
}
const known = new Map<string, number>();
function dayOf(ms: number, zone: string): number {
  const key = `${zone} ${ms}`;
  const day = known.get(key) ?? Date.parse(formatOf(zone).format(ms)) / DAY;
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

/** Which ones of one group the rules keep. `plain`: docs/retention.md with a correct clock, without its safety rules. */
export function modelKeeps(
  group: Items,
  now: number,
  zone: string,
  plain = false,
): RetentionItem[] {
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
export const anyZone = fc.constantFrom(...ZONES);
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

export const anyFolder = fc
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

export function keptBy(items: Items, now: number, zone: string): RetentionItem[] {
  const { decisions } = planRetention(items, now, POLICY, zone);
  const kept = new Set(decisions.filter((d) => d.action === "keep").map((d) => d.id));
  return items.filter(({ id }) => kept.has(id));
}

export const ids = (items: Items) => items.map(({ id }) => id).sort();

// Simulated years: a run every night at two, cleanup after each good one, and a clock that may be wrong.

export interface History {
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
export const anyHistory: fc.Arbitrary<History> = fc.record({
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
export function nightOf(day: number, zone: string): number {
  let ms = day * DAY - 15 * 60 * MINUTE;
  while (dayOf(ms, zone) < day) ms += 30 * MINUTE;
  return ms + 120 * MINUTE;
}

export interface Night {
  /** By a clock that is right. */
  readonly now: number;
  readonly night: number;
  readonly ever: Items;
  readonly kept: Items;
}

export function simulate(history: History, check: (night: Night) => void): void {
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
