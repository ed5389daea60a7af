// Retention as a pure function: backups, now, policy, zone → one decision with a reason for each.
// `cleanup` carries it out and `--dry-run` prints the same list (docs/retention.md).
import assert from "node:assert/strict";
import { expiryOf } from "./expiry.ts";
import { describeGroup, newestFirst } from "./group.ts";
import type { Group, Moment } from "./group.ts";
import type { Decision, RetentionAlert, RetentionItem, RetentionPlan } from "./item.ts";
import type { RetentionPolicy } from "./policy.ts";
import { judge, keep, keptAlways } from "./rules.ts";

/** Years 1970 to 9999: outside of these a date is a fault, and its text would not sort. */
const LAST_DATE_MS = Date.UTC(10_000, 0) - 1;

/**
 * Decides for each backup of a BACKUP_DIR whether it stays. Groups do not touch each other. Deleting what
 * it says and asking again deletes nothing more. `nowMs` is the clock's; `zone` an IANA name.
 */
export function planRetention(
  items: readonly RetentionItem[],
  nowMs: number,
  policy: RetentionPolicy,
  zone: string,
): RetentionPlan {
  assert.equal(new Set(items.map(({ id }) => id)).size, items.length, "two backups of one id");
  const moment: Moment = { nowMs: Math.floor(nowMs), policy, zone };
  const dated = items.filter(hasDate);
  const decisions = new Map<string, Decision>();
  const alerts: RetentionAlert[] = [];
  for (const [name, members] of byGroup(dated)) {
    // A folder set aside before its manifest was written is of no group: any good backup is its measure.
    const group = describeGroup(name === null ? dated : members, moment);
    if (name !== null && group.hold) alerts.push({ group: name, ...group.hold.alert });
    for (const item of members) decisions.set(item.id, decide(item, group));
  }
  const undated = items.filter((item) => !hasDate(item));
  for (const item of undated) decisions.set(item.id, keepUndated(item));
  keepParents(items, decisions);
  const order = [...dated.sort(newestFirst), ...undated];
  return { decisions: order.flatMap((item) => decisions.get(item.id) ?? []), alerts };
}

/**
 * When cleanup will delete one backup (see `Decision`), which need not exist yet: `backup` tells it
 * before the dump.
 */
export function planExpiry(
  item: RetentionItem,
  others: readonly RetentionItem[],
  nowMs: number,
  policy: RetentionPolicy,
  zone: string,
): number | null {
  const items = [item, ...others.filter((other) => other.id !== item.id)];
  const { decisions } = planRetention(items, nowMs, policy, zone);
  return decisions.find((decision) => decision.id === item.id)?.expiresAtMs ?? null;
}

function hasDate({ createdAtMs }: RetentionItem): boolean {
  return Number.isSafeInteger(createdAtMs) && createdAtMs >= 0 && createdAtMs <= LAST_DATE_MS;
}

function keepUndated({ id }: RetentionItem): Decision {
  return { id, ...keep("its date cannot be known"), expiresAtMs: null };
}

function byGroup(items: readonly RetentionItem[]): Map<string | null, RetentionItem[]> {
  const groups = new Map<string | null, RetentionItem[]>();
  for (const item of items) {
    const members = groups.get(item.group);
    if (members) members.push(item);
    else groups.set(item.group, [item]);
  }
  return groups;
}

function decide(item: RetentionItem, group: Group): Decision {
  const verdict = judge(item, group);
  if (verdict.action === "delete") {
    return { id: item.id, ...verdict, expiresAtMs: group.moment.nowMs };
  }
  return {
    id: item.id,
    ...verdict,
    expiresAtMs: keptAlways(item, group) ? null : expiryOf(item, group),
  };
}

/** A backup that a kept one builds on stays, and so does the one below it. */
function keepParents(items: readonly RetentionItem[], decisions: Map<string, Decision>): void {
  const parents = new Map(items.map(({ id, parent }) => [id, parent]));
  const needed = new Set<string>();
  const kept = items.map(({ id }) => id).filter((id) => decisions.get(id)?.action === "keep");
  for (let child = kept.pop(); child !== undefined; child = kept.pop()) {
    const parent = parents.get(child) ?? null;
    const below = parent === null ? undefined : decisions.get(parent);
    if (!below || needed.has(below.id)) continue;
    needed.add(below.id);
    kept.push(below.id);
    const verdict = below.action === "keep" ? below : keep(`${child} builds on it`);
    decisions.set(below.id, { ...below, ...verdict, expiresAtMs: null });
  }
}
