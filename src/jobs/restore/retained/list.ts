// What restores keep beside the live data, and the part of it that goes by itself. What must stay true: by
// itself only what a backup holds is dropped, proved right before, and nothing of a restore that did not end.
import { listCatalog } from "../../../archive/catalog.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { readMarkers } from "../../../mongo/own-collections.ts";
import type { Marker } from "../../../mongo/own-collections.ts";
import { createProver } from "../../../restore/load/prove.ts";
import { listRecords, readRecords } from "../../../restore/record/read-record.ts";
import { hasEnded, neededBy, protectedBy } from "../../../restore/record/record-state.ts";
import type { AsideFacts, JournalEntry, StoredRecord } from "../../../restore/record/record.ts";
import { dropOwn } from "../../../restore/swap/staged.ts";
import { readStandings } from "../../../restore/swap/standings.ts";
import type { JobContext } from "../../context.ts";
import { mayBeNeeded } from "../records.ts";
import type { KeptCollection } from "../../results.ts";

export const databasesOf = ({ recorded }: StoredRecord) => recorded.plan.targetDatabases;

export type Kept = KeptCollection & { readonly database: string };

/** What the restores keep that stands on the server, the newest restore's first. */
export async function listKept(
  { client }: Deployment,
  records: readonly StoredRecord[],
): Promise<Kept[]> {
  const kept: Kept[] = [];
  const databases = [...new Set(records.flatMap(databasesOf))];
  for (const database of databases) {
    const markers = await readMarkers(client, database);
    if (markers.length === 0) continue;
    const standings = await readStandings(client, database);
    const byRestore = Map.groupBy(markers, (m) => m.restoreId);
    for (const { id, entries } of records) {
      const own = byRestore.get(id) ?? [];
      const facts = own.length > 0 ? factsIn(entries) : new Map<string, AsideFacts>();
      for (const marker of own)
        if (standings.has(marker.name)) kept.push(describe(id, facts, marker));
    }
  }
  return kept;
}

function describe(restoreId: string, known: ReadonlyMap<string, AsideFacts>, marker: Marker): Kept {
  const facts = known.get(keyOf(marker.namespace, marker.name));
  return {
    database: marker.database,
    restoreId,
    namespace: marker.namespace,
    collection: marker.name,
    role: marker.role,
    documents: facts?.documents ?? null,
    inBackup: facts?.inBackup ?? null,
  };
}

/** A namespace may have been set aside under several names; neither name can hold a NUL. */
const keyOf = (namespace: string, name: string) => `${namespace}\0${name}`;

/** What a journal says of what it set aside; its last word holds. */
function factsIn(entries: readonly JournalEntry[]): Map<string, AsideFacts> {
  return new Map(
    entries.flatMap(({ namespace, aside }) =>
      namespace !== undefined && aside
        ? [[keyOf(namespace, aside.collection), aside] as const]
        : [],
    ),
  );
}

/**
 * What is older than RESTORE_KEEP_ASIDE, or stands in the way of a full disk, is dropped if the backup from
 * before its restore holds all of it. Called by the next run; failing to drop is told and stops nothing.
 */
export async function dropExpiredAside(context: JobContext, deployment: Deployment): Promise<void> {
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
  const kept = await listKept(deployment, due);
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
  emit({
    kind: "log",
    level: tight ? "warn" : "info",
    code: "aside-dropped",
    message: `${dropped.length} collections that restores had set aside are dropped: ${why}, and backups hold them`,
  });
}

/**
 * Of what a backup held when it was set aside, the names of what is the same still: a rollback that was undone
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
  using prover = createProver(deployment);
  for (const { database, restoreId, namespace, collection } of held) {
    const facts = known.get(restoreId)?.get(keyOf(namespace, collection));
    const { documents = null, contentHash = null } = facts ?? {};
    if (documents === null || contentHash === null) continue;
    const place = { namespace, database, name: collection, type: "collection" } as const;
    const promised = { ...place, expectedDocuments: documents, contentHash };
    const { equal } = await prover.prove(promised, { emit, signal });
    if (equal) same.push(collection);
  }
  return same;
}

/** Whether a good backup holds what a restore replaced, as far as it was compared. */
export async function isHeld(context: JobContext, restoreId: string): Promise<boolean> {
  const { backupDir } = context.settings;
  const all = await listRecords(backupDir);
  const record = all.find((r) => r.id === restoreId);
  const id = record ? heldBy(record, all) : null;
  return id !== null && (await goodBackups(context)).has(id);
}

/** The backup that holds what a restore set aside: after a rollback by renames, that of the restore before. */
function heldBy(record: StoredRecord, all: readonly StoredRecord[]): string | null {
  const before = protectedBy(record.entries);
  if (before !== null || record.recorded.rollbackOf === null) return before;
  return all.find((r) => r.id === record.recorded.rollbackOf)?.recorded.plan.backup ?? null;
}

async function goodBackups({ settings, place }: JobContext): Promise<Set<string>> {
  const entries = await listCatalog(settings.backupDir, place);
  return new Set(entries.filter(({ state }) => state === "good").map(({ id }) => id));
}

async function isTight(context: JobContext): Promise<boolean> {
  const { backupDir, diskAbortFreeBytes } = context.settings;
  return (await context.freeBytes(backupDir)) < diskAbortFreeBytes;
}
