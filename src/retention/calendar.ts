// Days, ISO weeks and months as a person in BACKUP_TIMEZONE counts them, and periods taken off a date.
// A day may have 23 or 25 hours: nothing here divides milliseconds into days.
import { Temporal } from "temporal-polyfill";
import type { Period } from "./policy.ts";

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** The calendar day of a moment in a zone. */
export interface LocalDay {
  /** Days since 1970-01-01: the difference of two is the number of days between them. */
  readonly number: number;
  /** ISO week, "2026-W47". Sorts as text. */
  readonly week: string;
  /** "2026-11". Sorts as text. */
  readonly month: string;
  /** 1 Monday … 7 Sunday. */
  readonly weekday: number;
  readonly dayOfMonth: number;
}

function zoned(ms: number, zone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone);
}

const pad = (value: number, width: number) => String(value).padStart(width, "0");

/** `ms` must be a whole number and `zone` an IANA name. */
export function localDay(ms: number, zone: string): LocalDay {
  const date = zoned(ms, zone);
  const week = pad(date.weekOfYear ?? 0, 2);
  return {
    number: Math.floor(Date.UTC(date.year, date.month - 1, date.day) / DAY_MS),
    week: `${pad(date.yearOfWeek ?? 0, 4)}-W${week}`,
    month: `${pad(date.year, 4)}-${pad(date.month, 2)}`,
    weekday: date.dayOfWeek,
    dayOfMonth: date.day,
  };
}

function duration({ count, unit }: Period): Temporal.DurationLike {
  return { d: { days: count }, w: { weeks: count }, mo: { months: count }, y: { years: count } }[
    unit
  ];
}

/**
 * The moment before which something is at least `period` old. Where a change to summer time makes
 * 30 calendar days an hour shorter than 30 × 24 hours, the longer one counts: nothing goes early.
 */
export function cutoffBefore(ms: number, period: Period, zone: string): number {
  const calendar = zoned(ms, zone).subtract(duration(period)).epochMilliseconds;
  if (period.unit === "mo" || period.unit === "y") return calendar;
  return Math.min(calendar, ms - period.count * (period.unit === "w" ? 7 : 1) * DAY_MS);
}

/** When something made at `ms` is `period` old: the counterpart of `cutoffBefore`. */
export function dueAfter(ms: number, period: Period, zone: string): number {
  const calendar = zoned(ms, zone).add(duration(period)).epochMilliseconds;
  if (period.unit === "mo" || period.unit === "y") return calendar;
  return Math.max(calendar, ms + period.count * (period.unit === "w" ? 7 : 1) * DAY_MS);
}

/** The first moment of the local day that lies `days` before that of `ms`. */
export function startOfDayBefore(ms: number, days: number, zone: string): number {
  return zoned(ms, zone).subtract({ days }).startOfDay().epochMilliseconds;
}

/** Calendar days between a moment and the same moment `period` earlier. */
export function daysIn(period: Period, ms: number, zone: string): number {
  const end = zoned(ms, zone);
  return end.subtract(duration(period)).until(end, { largestUnit: "day" }).days;
}
