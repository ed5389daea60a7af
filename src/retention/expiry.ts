// The date that `list` shows for each backup: when cleanup will delete it if all goes on as it should.
import { cutoffBefore, dueAfter, HOUR_MS, localDay } from "./calendar.ts";
import { DAMAGED_PERIOD, PRE_RESTORE_PERIOD } from "./group.ts";
import type { Group } from "./group.ts";
import type { RetentionItem } from "./item.ts";
import type { Period } from "./policy.ts";
import { hasNewerGood } from "./rules.ts";

/** For a backup that nothing keeps for ever; null where newer good backups must come first. */
export function expiryOf(item: RetentionItem, group: Group): number | null {
  const { zone, nowMs } = group.moment;
  const due = Math.max(...periodsOf(item, group).map((p) => lastDue(item.createdAtMs, p, zone)));
  if (item.state === "damaged-folder" && !hasNewerGood(item, group)) return null;
  return due > nowMs ? due : null;
}

function periodsOf(item: RetentionItem, group: Group): Period[] {
  if (item.state === "damaged-folder") return [DAMAGED_PERIOD];
  if (item.type === "pre-restore") return [PRE_RESTORE_PERIOD];
  const { daily, weekly, monthly } = group.moment.policy;
  const periods = [daily];
  if (group.weekly.has(item.id) && willStayWeekly(item, group)) periods.push(weekly);
  if (group.monthly.has(item.id)) periods.push(monthly);
  return periods;
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
