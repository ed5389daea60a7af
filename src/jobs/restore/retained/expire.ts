// Drops retained collections whose time is over, when the next backup runs. What must stay true: only what a backup
// holds is dropped, compared right before, and nothing of a restore that did not end.
import type { Deployment } from "../../../mongo/deployment.ts";
import { createVerifier } from "../../../restore/load/read-back.ts";
import { readRecords } from "../../../restore/record/read-record.ts";
import { hasEnded, neededBy } from "../../../restore/record/record-state.ts";
import type { StoredRecord } from "../../../restore/record/record.ts";
import { dropOwn } from "../../../restore/swap/staged.ts";
import type { JobContext } from "../../context.ts";
import { mayBeNeeded } from "../records.ts";

import { databasesOf, factsIn, goodBackups, heldBy, keyOf, listRetained } from "./list.ts";
import type { Kept } from "./list.ts";

/**
 * What is older than RESTORE_KEEP_ASIDE, or stands in the way of a full disk, is dropped if the backup from
 * before its restore holds all of it. Called by the next run; failing to drop is reported and stops nothing.
 */
export async function dropExpired(context: JobContext, deployment: Deployment): Promise<void> {
  const { settings, clock, emit } = context;
  const now = clock.now();
  const { records: all, unreadable } = await readRecords(settings.backupDir);
  const good = await goodBackups(context);
  const records = all.filter(
    (r) =>
      !mayBeNeeded(unreadable, r.id) &&
      hasEnded(r.entries) &&
      (r.state === "finished" || r.state === "rolled-back") &&
      good.has(heldBy(r, all) ?? ""),
  );
  const tight = await isTight(context);
  const due = records.filter(
    (r) => tight || now - Date.parse(r.recorded.createdAt) > settings.restoreKeepAsideMs,
  );
  if (due.length === 0) return;
  const kept = await listRetained(deployment, due);
  const needed = neededBy(all);
  const held = kept.filter(
    (c) =>
      c.role === "aside" && c.inBackup === true && !needed.has(`${c.database}.${c.collection}`),
  );
  const safe = new Set(await stillHeld(context, deployment, due, held));
  if (safe.size === 0) return;
  const ids = new Set(due.map((r) => r.id));
  const databases = [...new Set(due.flatMap(databasesOf))];
  const dropped = await dropOwn(
    deployment,
    databases,
    (m) => ids.has(m.restoreId) && safe.has(m.name),
  );
  const why = tight ? "the disk is nearly full" : "the time of RESTORE_KEEP_ASIDE is over";
  const level = tight ? "warn" : "info";
  const message = `dropped ${dropped.length} retained collections that a backup holds: ${why}`;
  emit({ kind: "log", level, code: "aside-dropped", message });
}

/**
 * Of what a backup held when it was retained, the names of what is the same still: a rollback that was undone
 * may have had it under its live name meanwhile.
 */
async function stillHeld(
  { emit, signal }: JobContext,
  deployment: Deployment,
  records: readonly StoredRecord[],
  held: readonly Kept[],
): Promise<string[]> {
  const same: string[] = [];
  const known = new Map(records.map(({ id, entries }) => [id, factsIn(entries)]));
  using verifier = createVerifier(deployment);
  for (const { database, restoreId, namespace, collection } of held) {
    const facts = known.get(restoreId)?.get(keyOf(namespace, collection));
    const { documents = null, contentHash = null } = facts ?? {};
    if (documents === null || contentHash === null) continue;
    const place = { namespace, database, name: collection, type: "collection" } as const;
    const promised = { ...place, expectedDocuments: documents, contentHash };
    const { equal } = await verifier.verify(promised, { emit, signal });
    if (equal) same.push(collection);
  }
  return same;
}

async function isTight(context: JobContext): Promise<boolean> {
  const { backupDir, diskAbortFreeBytes } = context.settings;
  return (await context.freeBytes(backupDir)) < diskAbortFreeBytes;
}
