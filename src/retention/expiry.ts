// The date that `list` shows for each backup: the first on which cleanup deletes it if every night from today on
// brings a good backup. What must stay true: it asks the rules of rules.ts at a later moment, so that it moves only
// when something else happens than that.
import { cutoffBefore, DAY_MS, dueAfter, HOUR_MS, localDay } from "./calendar.ts";
import { DAMAGED_PERIOD, fallenFrom, PRE_RESTORE_PERIOD, trustedNow, weeksIn } from "./group.ts";
import type { Group } from "./group.ts";
import type { RetentionItem } from "./item.ts";
import type { Period } from "./policy.ts";
import { hasNewerGood } from "./rules.ts";

/** Beyond the dates of its tiers: what waits longer for others to stand in has no date yet. */
const LONGEST_DELAY_DAYS = 400;

/** For a backup that nothing keeps for ever; null where newer good backups must come first. */
export function expiryOf(item: RetentionItem, group: Group): number | null {
  const { zone, nowMs } = group.moment;
  const tiers = tiersOf(item, group);
  const due = Math.max(...tiers.map(({ period }) => lastDue(item.createdAtMs, period, zone)));
  const mustWait = item.state === "damaged-folder" || due <= nowMs;
  if (mustWait && !hasNewerGood(item, group)) return null;
  // What is due and stays all the same goes on some later night.
  let ms = due > nowMs ? due : due + Math.ceil((nowMs + 1 - due) / DAY_MS) * DAY_MS;
  const last = ms + LONGEST_DELAY_DAYS * DAY_MS;
  for (; ms < last; ms += DAY_MS) if (goesAt(ms, item, tiers, group)) return ms;
  return null;
}

interface Tier {
  readonly period: Period;
  /** Whether enough newer places are filled on a day; absent: age alone decides. */
  readonly isReplaced?: (day: number, ms: number) => boolean;
}

function tiersOf(item: RetentionItem, group: Group): Tier[] {
  if (item.state === "damaged-folder") return [{ period: DAMAGED_PERIOD }];
  if (item.type === "pre-restore") return [{ period: PRE_RESTORE_PERIOD }];
  const { moment, today, enough } = group;
  const { policy, zone } = moment;
  const tiers: Tier[] = [{ period: policy.daily }];
  const [newest = today.number] = group.goodDays;
  const week = group.weekly.get(item.id);
  if (week && willStayWeekly(item, group)) {
    const newer = (day: number) => week.newer + filledSince(newest, today.number, day, weekOf);
    const isReplaced = (day: number, ms: number) => newer(day) >= weeksIn(policy.weekly, ms, zone);
    tiers.push({ period: policy.weekly, isReplaced });
  }
  const month = group.monthly.get(item.id);
  if (month) {
    const newer = (day: number) => month.newer + filledSince(newest, today.number, day, monthOf);
    tiers.push({ period: policy.monthly, isReplaced: (day) => newer(day) >= enough.months });
  }
  return tiers;
}

/** Whether cleanup deletes it then, with a backup on each night in between that holds what the newest one does. */
function goesAt(
  ms: number,
  item: RetentionItem,
  tiers: readonly Tier[],
  { moment, today, goodDays, goods }: Group,
): boolean {
  const { zone, policy } = moment;
  const day = localDay(ms, zone);
  if (tiers.some(({ isReplaced }) => isReplaced?.(day.number, ms) === false)) return false;
  const nights = Array.from({ length: day.number - today.number + 1 }, (_, n) => day.number - n);
  const before = goodDays.filter((one) => one < today.number);
  const trustedMs = trustedNow([...nights, ...before], day, { ...moment, nowMs: ms });
  const isOld = ({ period }: Tier) => item.createdAtMs <= cutoffBefore(trustedMs, period, zone);
  return tiers.every(isOld) && !fallenFrom(goods, cutoffBefore(trustedMs, policy.daily, zone));
}

const weekOf = (day: number) => Math.floor((day + 3) / 7);
const monthOf = (day: number) => {
  const date = new Date(day * DAY_MS);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
};

/** How many more weeks or months are filled on `day` than now, if each day from today on brings a backup. */
function filledSince(
  newest: number,
  today: number,
  day: number,
  placeOf: (day: number) => number,
): number {
  return placeOf(day) - Math.max(placeOf(newest), placeOf(today) - 1);
}

/** Within the running week each night takes the place from the one before, until Sunday. */
function willStayWeekly(item: RetentionItem, group: Group): boolean {
  const day = localDay(item.createdAtMs, group.moment.zone);
  return day.weekday === 7 || day.week !== group.today.week;
}

/** Adding months and taking them off are not inverse (31 January + 1 month): the cutoff decides. */
function lastDue(createdAtMs: number, period: Period, zone: string): number {
  let due = dueAfter(createdAtMs, period, zone);
  while (cutoffBefore(due, period, zone) < createdAtMs) due += HOUR_MS;
  return due;
}
