// Everything that is true of one group of backups at one moment; the rules in rules.ts read it.
import { cutoffBefore, DAY_MS, daysIn, localDay, startOfDayBefore } from "./calendar.ts";
import type { LocalDay } from "./calendar.ts";
import type { RetentionAlert, RetentionItem } from "./item.ts";
import { lastOfEachDay, monthlyPlaces, weeklyPlaces } from "./places.ts";
import type { DatedItem, Place } from "./places.ts";
import { wholeMonths } from "./policy.ts";
import type { Period, RetentionPolicy } from "./policy.ts";
import { unvouchedDays } from "./trusted-now.ts";

export const PRE_RESTORE_PERIOD: Period = { count: 30, unit: "d" };
export const DAMAGED_PERIOD: Period = { count: 7, unit: "d" };
const STALE_AFTER_DAYS = 7;

/** The moment for which a plan is made. */
export interface Moment {
  readonly nowMs: number;
  readonly policy: RetentionPolicy;
  readonly zone: string;
}

/** Made at or before these moments: too old for the tier. */
export interface Cutoffs {
  readonly daily: number;
  /** The same by the clock alone, for the wording. */
  readonly dailyByClock: number;
  readonly weekly: number;
  readonly monthly: number;
  readonly preRestore: number;
  readonly damaged: number;
}

export interface Group {
  readonly moment: Moment;
  readonly today: LocalDay;
  /** Reckoned from the time that backups vouch for, never later than the clock's. */
  readonly cutoffs: Cutoffs;
  /** How many newer filled places let a weekly or monthly one go. */
  readonly enough: { readonly weeks: number; readonly months: number };
  /** Local days that have a good automatic backup, newest first. */
  readonly goodDays: readonly number[];
  /** Good backups of any kind but pre-restore, newest first. */
  readonly goods: readonly RetentionItem[];
  /** By id of the backup that fills the place. */
  readonly weekly: ReadonlyMap<string, Place>;
  readonly monthly: ReadonlyMap<string, Place>;
  /** Automatic or manual, never pre-restore, never dated in the future. */
  readonly newestGood: RetentionItem | null;
  /** Folders `.damaged`, newest first, none dated in the future. */
  readonly setAside: readonly RetentionItem[];
  /** Why nothing at all may be deleted now; null in the normal case. */
  readonly hold: { readonly reason: string; readonly alert: Omit<RetentionAlert, "group"> } | null;
}

/** Facts from the items of one group. Their dates must be valid; later ones than now count for nothing. */
export function describeGroup(items: readonly RetentionItem[], moment: Moment): Group {
  const { nowMs, policy, zone } = moment;
  const past = items.filter((item) => item.createdAtMs <= nowMs).sort(newestFirst);
  const goods = past.filter((item) => item.state === "good" && item.type !== "pre-restore");
  const today = localDay(nowMs, zone);
  const days = lastOfEachDay(
    goods
      .filter((item) => item.type === "automatic")
      .map((item): DatedItem => ({ item, day: localDay(item.createdAtMs, zone) })),
  );
  const goodDays = days.map(({ day }) => day.number);
  const cutoffs = reckonCutoffs(goodDays, today, moment);
  return {
    moment,
    today,
    cutoffs,
    enough: {
      weeks: weeksIn(policy.weekly, nowMs, zone),
      months: wholeMonths(policy.monthly),
    },
    goodDays,
    goods,
    weekly: weeklyPlaces(days),
    monthly: monthlyPlaces(days),
    newestGood: goods[0] ?? null,
    setAside: past.filter((item) => item.state === "damaged-folder"),
    hold: findHold(goods, cutoffs, nowMs),
  };
}

export function newestFirst(a: RetentionItem, b: RetentionItem): number {
  return b.createdAtMs - a.createdAtMs || (a.id < b.id ? 1 : -1);
}

export const weeksIn = (period: Period, ms: number, zone: string) =>
  Math.floor(daysIn(period, ms, zone) / 7);

/** The time that backups vouch for. `goodDays` as in `Group`. */
export function trustedNow(
  goodDays: readonly number[],
  today: LocalDay,
  { nowMs, policy, zone }: Moment,
): number {
  const unvouched = unvouchedDays(goodDays, today.number, daysIn(policy.daily, nowMs, zone));
  // Of a day that is only inferred, the hour means nothing: its first moment is the safe one.
  return unvouched === 0 ? nowMs : startOfDayBefore(nowMs, unvouched, zone);
}

function reckonCutoffs(goodDays: readonly number[], today: LocalDay, moment: Moment): Cutoffs {
  const { nowMs, policy, zone } = moment;
  const trustedMs = trustedNow(goodDays, today, moment);
  return {
    daily: cutoffBefore(trustedMs, policy.daily, zone),
    dailyByClock: cutoffBefore(nowMs, policy.daily, zone),
    weekly: cutoffBefore(trustedMs, policy.weekly, zone),
    monthly: cutoffBefore(trustedMs, policy.monthly, zone),
    preRestore: cutoffBefore(trustedMs, PRE_RESTORE_PERIOD, zone),
    damaged: cutoffBefore(trustedMs, DAMAGED_PERIOD, zone),
  };
}

function findHold(goods: readonly RetentionItem[], cutoffs: Cutoffs, nowMs: number): Group["hold"] {
  const newest = goods[0];
  if (!newest) return null;
  const ageDays = Math.floor((nowMs - newest.createdAtMs) / DAY_MS);
  if (nowMs - newest.createdAtMs > STALE_AFTER_DAYS * DAY_MS) {
    const reason = `the newest good backup, ${newest.id}, is ${ageDays} days old`;
    return { reason, alert: { code: "backups-stale", message: `nothing deleted: ${reason}` } };
  }
  const largest = fallenFrom(goods, cutoffs.daily);
  if (!largest) return null;
  const reason = `documents fell from ${largest.documents} in ${largest.id} to ${newest.documents} in ${newest.id}`;
  return { reason, alert: { code: "documents-fell", message: `nothing deleted: ${reason}` } };
}

/**
 * The largest backup of the daily window, where the newest holds less than half of it. A wiped or truncated database
 * must not push the full backups out. The whole daily window counts, not only the night before: else the alarm would
 * be over after one night and the deleting begin. `goods` newest first.
 */
export function fallenFrom(
  goods: readonly RetentionItem[],
  dailyCutoff: number,
): RetentionItem | null {
  const [newest] = goods;
  if (!newest) return null;
  const recent = goods.filter(
    (item) => item.createdAtMs > dailyCutoff && item.group === newest.group,
  );
  const largest = recent.reduce((a, b) => (b.documents > a.documents ? b : a), newest);
  return newest.documents * 2 < largest.documents ? largest : null;
}
