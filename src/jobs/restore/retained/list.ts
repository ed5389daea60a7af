// Lists what restores retain beside the live data, and which backup holds it.
import { listCatalog } from "../../../archive/catalog.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { readMarkers } from "../../../mongo/own-collections.ts";
import type { Marker } from "../../../mongo/own-collections.ts";
import { listRecords } from "../../../restore/record/read-record.ts";
import { protectedBy } from "../../../restore/record/record-state.ts";
import type { RetainedFacts, JournalEntry, StoredRecord } from "../../../restore/record/record.ts";
import { readStandings } from "../../../restore/swap/standings.ts";
import type { JobContext } from "../../context.ts";
import type { KeptCollection } from "../../results.ts";

export const databasesOf = ({ recorded }: StoredRecord) => recorded.plan.targetDatabases;

export type Kept = KeptCollection & { readonly database: string };

/** What the restores keep that stands on the server, the newest restore's first. */
export async function listRetained(
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
      const facts = own.length > 0 ? factsIn(entries) : new Map<string, RetainedFacts>();
      for (const marker of own)
        if (standings.has(marker.name)) kept.push(describe(id, facts, marker));
    }
  }
  return kept;
}

function describe(
  restoreId: string,
  known: ReadonlyMap<string, RetainedFacts>,
  marker: Marker,
): Kept {
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

/** A namespace may have been retained under several names; neither name can hold a NUL. */
export const keyOf = (namespace: string, name: string) => `${namespace}\0${name}`;

/** What a journal says of what it retained; its last word holds. */
export function factsIn(entries: readonly JournalEntry[]): Map<string, RetainedFacts> {
  return new Map(
    entries.flatMap(({ namespace, aside }) =>
      namespace !== undefined && aside
        ? [[keyOf(namespace, aside.collection), aside] as const]
        : [],
    ),
  );
}

/** Whether a good backup holds what a restore replaced, as far as it was compared. */
export async function isHeld(context: JobContext, restoreId: string): Promise<boolean> {
  const { backupDir } = context.settings;
  const all = await listRecords(backupDir);
  const record = all.find((r) => r.id === restoreId);
  const id = record ? heldBy(record, all) : null;
  return id !== null && (await goodBackups(context)).has(id);
}

/** The backup that holds what a restore retained: after a rollback by renames, that of the restore before. */
export function heldBy(record: StoredRecord, all: readonly StoredRecord[]): string | null {
  const before = protectedBy(record.entries);
  if (before !== null || record.recorded.rollbackOf === null) return before;
  return all.find((r) => r.id === record.recorded.rollbackOf)?.recorded.plan.backup ?? null;
}

export async function goodBackups({ settings, place }: JobContext): Promise<Set<string>> {
  const entries = await listCatalog(settings.backupDir, place);
  return new Set(entries.filter(({ state }) => state === "good").map(({ id }) => id));
}
