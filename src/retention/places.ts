// The weekly and monthly places, and which backup fills each. Only good automatic backups do, and of a
// day only its last one.
import type { LocalDay } from "./calendar.ts";
import type { RetentionItem } from "./item.ts";

export interface DatedItem {
  readonly item: RetentionItem;
  readonly day: LocalDay;
}

/** A week or month, filled by one backup. */
export interface Place {
  readonly name: string;
  /** How many places after it are filled too. */
  readonly newer: number;
}

const WEEKDAYS = ["", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/** The last one of each day, newest day first. */
export function lastOfEachDay(goods: readonly DatedItem[]): DatedItem[] {
  const last = new Map<number, DatedItem>();
  for (const good of goods) {
    const other = last.get(good.day.number);
    if (!other || isLater(good.item, other.item)) last.set(good.day.number, good);
  }
  return [...last.values()].sort((a, b) => b.day.number - a.day.number);
}

/** Two backups of one second differ in their ids. */
function isLater(a: RetentionItem, b: RetentionItem): boolean {
  return a.createdAtMs === b.createdAtMs ? a.id > b.id : a.createdAtMs > b.createdAtMs;
}

/** An ISO week ends on its Sunday: the latest day is the Sunday or the nearest to it. */
export function weeklyPlaces(days: readonly DatedItem[]): Map<string, Place> {
  const filled = new Map<string, DatedItem>();
  for (const dated of days) if (!filled.has(dated.day.week)) filled.set(dated.day.week, dated);
  return toPlaces(filled, ({ week, weekday }) =>
    weekday === 7
      ? `week ${week} (Sunday)`
      : `week ${week} (${WEEKDAYS[weekday] ?? ""}, its nearest good one to Sunday)`,
  );
}

/** The earliest day of a month is the 1st or the nearest to it. */
export function monthlyPlaces(days: readonly DatedItem[]): Map<string, Place> {
  const filled = new Map<string, DatedItem>();
  for (const dated of days) filled.set(dated.day.month, dated);
  return toPlaces(filled, ({ month, dayOfMonth }) =>
    dayOfMonth === 1
      ? `month ${month} (the 1st)`
      : `month ${month} (day ${dayOfMonth}, its nearest good one to the 1st)`,
  );
}

/** `filled` is in the order newest place first. */
function toPlaces(
  filled: ReadonlyMap<string, DatedItem>,
  name: (day: LocalDay) => string,
): Map<string, Place> {
  const places = [...filled.values()];
  return new Map(places.map(({ item, day }, newer) => [item.id, { name: name(day), newer }]));
}
