// The rules of docs/retention.md for one backup within its group. First the reasons to keep that nothing
// overrides, then the tiers, then what forbids deleting in any case.
import { DAMAGED_PERIOD, PRE_RESTORE_PERIOD } from "./group.ts";
import type { Group } from "./group.ts";
import type { Decision, RetentionItem } from "./item.ts";
import { describePeriod } from "./policy.ts";

export type Verdict = Pick<Decision, "action" | "reason">;

const MAX_DAMAGED = 2;

export const keep = (why: string): Verdict => ({ action: "keep", reason: `kept: ${why}` });
const drop = (why: string): Verdict => ({ action: "delete", reason: `deleted: ${why}` });

/** Whether one backup may go, and why. */
export function judge(item: RetentionItem, group: Group): Verdict {
  const always = keptAlways(item, group);
  if (always) return always;
  if (group.setAside.indexOf(item) >= MAX_DAMAGED) {
    // Not subject to a hold: when every night fails, these alone would fill the disk.
    return drop(`failed its own verification, and ${MAX_DAMAGED} newer such backups are kept`);
  }
  const verdict = judgeByAge(item, group);
  if (verdict.action === "keep") return verdict;
  if (group.newestGood === item) return keep("the newest good backup");
  if (!hasNewerGood(item, group)) return keep("no good backup is newer");
  if (group.hold) return keep(`nothing is deleted while ${group.hold.reason}`);
  return verdict;
}

/** What age has nothing to do with; null for all else. */
export function keptAlways(item: RetentionItem, group: Group): Verdict | null {
  if (item.state === "unreadable")
    return keep("it cannot be read; look at it, then delete it by hand");
  if (item.pinned !== null) return keep(item.pinned);
  if (item.type === "manual" && item.state !== "damaged-folder") {
    return keep("manual; only mongokeep delete removes it");
  }
  if (item.createdAtMs > group.moment.nowMs) return keep("dated in the future; check the clock");
  return null;
}

export function hasNewerGood(item: RetentionItem, { newestGood }: Group): boolean {
  return newestGood !== null && newestGood.createdAtMs > item.createdAtMs;
}

function judgeByAge(item: RetentionItem, group: Group): Verdict {
  if (item.state === "damaged-folder") return judgeSetAside(item, group);
  if (item.type === "pre-restore") return judgePreRestore(item, group);
  return judgeAutomatic(item, group);
}

function judgeSetAside(item: RetentionItem, { cutoffs }: Group): Verdict {
  const period = describePeriod(DAMAGED_PERIOD);
  return item.createdAtMs > cutoffs.damaged
    ? keep(`failed its own verification, for inspection for ${period}`)
    : drop(`failed its own verification, older than ${period}, and a good one is newer`);
}

function judgePreRestore(item: RetentionItem, { cutoffs }: Group): Verdict {
  const period = describePeriod(PRE_RESTORE_PERIOD);
  return item.createdAtMs > cutoffs.preRestore
    ? keep(`pre-restore backup, younger than ${period}`)
    : drop(`pre-restore backup, older than ${period}, and its restore is over`);
}

function judgeAutomatic(item: RetentionItem, group: Group): Verdict {
  const { cutoffs, enough, moment } = group;
  const { daily, weekly, monthly } = moment.policy;
  const week = group.weekly.get(item.id);
  const month = group.monthly.get(item.id);
  if (item.createdAtMs > cutoffs.daily) return keepDaily(item, group);
  if (week && item.createdAtMs > cutoffs.weekly) return keep(`weekly backup of ${week.name}`);
  if (month && item.createdAtMs > cutoffs.monthly) return keep(`monthly backup of ${month.name}`);
  // Too old, but a clock that stays ahead for weeks makes all of them so: newer ones must stand in first.
  if (week && week.newer < enough.weeks) {
    return keep(`weekly backup of ${week.name}, and only ${week.newer} newer weeks have one`);
  }
  if (month && month.newer < enough.months) {
    return keep(`monthly backup of ${month.name}, and only ${month.newer} newer months have one`);
  }
  if (month) return drop(`monthly backup of ${month.name}, older than ${describePeriod(monthly)}`);
  if (week) {
    return drop(`older than ${describePeriod(weekly)}, and not the monthly one`);
  }
  return drop(`older than ${describePeriod(daily)}, and not the weekly or monthly one`);
}

function keepDaily(item: RetentionItem, { cutoffs, moment }: Group): Verdict {
  const period = describePeriod(moment.policy.daily);
  const doubt = item.state === "good" ? "" : ` (${item.state})`;
  return item.createdAtMs > cutoffs.dailyByClock
    ? keep(`daily backup, younger than ${period}${doubt}`)
    : keep(`daily backup; days without a good backup do not count towards its ${period}${doubt}`);
}
