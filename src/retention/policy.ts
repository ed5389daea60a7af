// What is kept, for how long: the three periods of the policy, their text form, and their length.
import { KeepError } from "../errors.ts";

/** A calendar period; months and years are calendar ones in BACKUP_TIMEZONE. */
export interface Period {
  readonly count: number;
  readonly unit: "d" | "w" | "mo" | "y";
}

export interface RetentionPolicy {
  readonly daily: Period;
  readonly weekly: Period;
  readonly monthly: Period;
}

const WORDS = { d: "day", w: "week", mo: "month", y: "year" } as const;
const PERIOD = /^([1-9]\d{0,3})(d|w|mo|y)$/;

function isUnit(text: string | undefined): text is Period["unit"] {
  return text !== undefined && text in WORDS;
}

/**
 * "30d", "2w", "3mo" or "1y". `name` is the setting it was read from.
 * Throws bad-setting. Nothing (0) is refused: it would make a tier that deletes what was just made.
 */
export function parsePeriod(text: string, name = "the value"): Period {
  const [, count, unit] = PERIOD.exec(text.trim()) ?? [];
  if (count === undefined || !isUnit(unit)) {
    throw new KeepError("bad-setting", `${name} ${JSON.stringify(text)} is not a period`, {
      hint: "Write a number from 1 to 9999 and its unit without a space: 30d, 2w, 3mo or 1y.",
    });
  }
  return { count: Number(count), unit };
}

/** The text that `parsePeriod` reads. */
export function formatPeriod(period: Period): string {
  return `${period.count}${period.unit}`;
}

/** For people: "30 days", "1 year". */
export function describePeriod({ count, unit }: Period): string {
  return `${count} ${WORDS[unit]}${count === 1 ? "" : "s"}`;
}

/** How many whole calendar months a period has at least. */
export function wholeMonths({ count, unit }: Period): number {
  if (unit === "y") return count * 12;
  if (unit === "mo") return count;
  return Math.floor((unit === "w" ? count * 7 : count) / 31);
}
