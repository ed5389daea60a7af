// A year of nights: what cleanup keeps of it by default, drawn as a calendar.
import { styleText } from "node:util";
import { Temporal } from "temporal-polyfill";
import { writePastBackup } from "../tests/support/past-backups.ts";

const DAYS = 7;
const WEEKDAYS = ["Mon", "", "Wed", "", "Fri", "", "Sun"];

/** One backup for each of the last `nights` nights at two o'clock, copies of the one at `path` dated back. */
export async function makePastNights(path: string, nights: number): Promise<Map<string, Night>> {
  const zone = Temporal.Now.timeZoneId();
  const today = Temporal.Now.plainDateISO();
  const made = new Map<string, Night>();
  for (let ago = nights; ago >= 1; ago--) {
    const date = today.subtract({ days: ago });
    const at = date.toZonedDateTime({ timeZone: zone, plainTime: "02:00" });
    const target = await writePastBackup(path, at.epochMilliseconds, zone);
    made.set(target.slice(target.lastIndexOf("/") + 1), { date });
  }
  return made;
}

export interface Night {
  readonly date: Temporal.PlainDate;
}

/** One column a week, one row a weekday; `kept` nights stand out. */
export function drawCalendar(
  nights: ReadonlyMap<string, Night>,
  kept: ReadonlySet<string>,
): string {
  const all = [...nights].map(([id, { date }]) => ({ date, kept: kept.has(id) }));
  const [first] = all;
  if (!first) return "";
  const monday = first.date.subtract({ days: first.date.dayOfWeek - 1 });
  const weeks = Math.ceil((monday.until(all.at(-1)?.date ?? monday).days + 1) / DAYS);
  const grid = Array.from({ length: DAYS }, () => new Array<string>(weeks).fill(" "));
  for (const night of all) {
    const since = monday.until(night.date).days;
    const row = grid[since % DAYS];
    if (row) row[Math.floor(since / DAYS)] = night.kept ? KEPT : GONE;
  }
  return grid.map((row, day) => `  ${(WEEKDAYS[day] ?? "").padEnd(4)}${row.join("")}`).join("\n");
}

const KEPT = styleText("green", "●");
const GONE = styleText("dim", "·");
