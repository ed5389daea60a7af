// Parses a time as a person at 2 a.m. writes it: "yesterday 18:00", "2026-11-22 18:00", "3 hours ago". Pure.
import { Temporal } from "temporal-polyfill";

const UNITS = {
  minute: "minutes",
  hour: "hours",
  day: "days",
  week: "weeks",
  month: "months",
} as const;
const WEEKDAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
export const MOMENT_EXAMPLES =
  "`yesterday 18:00`, `2026-11-22 18:00`, `3 hours ago`, `sunday`, `2026-11-22T17:00:00Z`";

/** Milliseconds since 1970; null if it is not understood. A day without a time means its end. */
export function parseMoment(text: string, nowMs: number, zone: string): number | null {
  const words = text.trim().toLowerCase().replace(/\s+/g, " ");
  const now = Temporal.Instant.fromEpochMilliseconds(nowMs).toZonedDateTimeISO(zone);
  return readAgo(words, now) ?? readInstant(text.trim()) ?? readDay(words, now);
}

function readAgo(words: string, now: Temporal.ZonedDateTime): number | null {
  if (words === "now") return now.epochMilliseconds;
  const found = /^(\d{1,5}|an?|one) (minute|hour|day|week|month)s? ago$/.exec(words);
  const [, count, unit] = found ?? [];
  if (count === undefined || unit === undefined) return null;
  const n = /^\d/.test(count) ? Number(count) : 1;
  return now.subtract({ [UNITS[unit as keyof typeof UNITS]]: n }).epochMilliseconds;
}

/** With an offset or Z: that exact moment. */
function readInstant(text: string): number | null {
  try {
    return Temporal.Instant.from(text).epochMilliseconds;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function readDay(words: string, now: Temporal.ZonedDateTime): number | null {
  const [, dayText = "", timeText] =
    /^([a-z]+|\d{4}-\d{2}-\d{2})?(?:(?:^|[ t])(\d{1,2}:\d{2}(?::\d{2})?))?$/.exec(words) ?? [];
  const today = now.toPlainDate();
  const day = dayText === "" ? (timeText === undefined ? null : today) : dateOf(dayText, today);
  if (day === null) return null;
  const time = timeText === undefined ? null : timeOf(timeText);
  if (time === undefined) return null;
  const zoned = {
    timeZone: now.timeZoneId,
    plainTime: time ?? Temporal.PlainTime.from("23:59:59"),
  };
  return day.toZonedDateTime(zoned).epochMilliseconds;
}

function dateOf(text: string, today: Temporal.PlainDate): Temporal.PlainDate | null {
  if (text === "today") return today;
  if (text === "yesterday") return today.subtract({ days: 1 });
  const weekday = WEEKDAYS.indexOf(text) + 1;
  // The last one, and never today, for which people write "today".
  if (weekday > 0) return today.subtract({ days: (today.dayOfWeek - weekday + 7) % 7 || 7 });
  try {
    return Temporal.PlainDate.from(text);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** undefined for a time that no clock shows. */
function timeOf(text: string): Temporal.PlainTime | undefined {
  try {
    return Temporal.PlainTime.from(
      text.padStart(text.length === 4 || text.length === 7 ? text.length + 1 : 0, "0"),
    );
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
