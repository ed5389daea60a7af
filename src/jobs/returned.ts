// What a restore brought, was live for a while, and was taken back: the service may have written to it. What
// must stay true: it is dropped only where it is proved to be what was restored; else it stays aside.
import { toKeepError } from "../errors.ts";
import type { Deployment } from "../mongo/deployment.ts";
import { addMarkers, belongsTo, readMarkers } from "../mongo/own-collections.ts";
import type { Marker } from "../mongo/own-collections.ts";
import type { RestorePlan } from "../restore/plan.ts";
import { proveCollection } from "../restore/prove.ts";
import { readRecord } from "../restore/read-record.ts";
import type { JournalEntry, RestoreRecord } from "../restore/record.ts";
import { dropOwn, pruneMarkers } from "../restore/staged.ts";
import { readStandings } from "../restore/standings.ts";
import type { SwapItem } from "../restore/swap-plan.ts";
import type { JobContext } from "./context.ts";

/** Before the names are swapped back: what is live of a restore's own is not dropped unseen. */
export async function markReturned(
  { client }: Deployment,
  restoreId: string,
  items: readonly SwapItem[],
): Promise<void> {
  const markers: Marker[] = [];
  for (const [database, own] of Map.groupBy(items, (item) => item.database)) {
    const standings = await readStandings(client, database);
    for (const { name, new: side } of own) {
      const there = standings.get(name);
      if (side.kind !== "collection" || there?.kind !== "collection") continue;
      // What a rollback brought back belongs to the restore that had set it aside.
      if (there.uuid !== side.uuid || !belongsTo(restoreId, side.parked)) continue;
      const namespace = `${database}.${name}`;
      markers.push({ database, name: side.parked, restoreId, role: "returned", namespace });
    }
  }
  await addMarkers(client, markers);
}

/** Drops it, or keeps it and says so. Failing is told: it stays then. */
export async function settleReturned(
  context: JobContext,
  { targetDatabases }: RestorePlan,
  record: RestoreRecord,
): Promise<void> {
  try {
    await using deployment = await context.connect(new AbortController().signal);
    const stored = await readRecord(context.settings.backupDir, record.id);
    for (const database of targetDatabases)
      for (const marker of await readMarkers(deployment.client, database))
        if (marker.restoreId === record.id && marker.role === "returned")
          await settleOne(context, deployment, stored?.entries ?? [], { marker, record });
    await pruneMarkers(deployment, targetDatabases, record.id);
  } catch (error) {
    const { message } = toKeepError(error);
    context.emit({
      kind: "log",
      level: "warn",
      code: "returned-left",
      message: `the state from before is back; what had been restored could not be compared and stays (${message}); later: mongokeep restore --drop-aside ${record.id} --confirm`,
    });
  }
}

interface Returned {
  readonly marker: Marker;
  readonly record: RestoreRecord;
}

async function settleOne(
  { emit }: JobContext,
  deployment: Deployment,
  entries: readonly JournalEntry[],
  { marker, record }: Returned,
): Promise<void> {
  const { database, name, namespace } = marker;
  const proved = entries.findLast((e) => e.proved && e.namespace === namespace)?.proved;
  const signal = new AbortController().signal;
  const { equal } = await proveCollection(
    deployment,
    {
      ...{ namespace, database, name, type: "collection" },
      expectedDocuments: proved?.documents ?? -1,
      contentHash: proved?.contentHash ?? null,
    },
    { emit, signal },
  );
  if (equal) {
    await dropOwn(deployment, [database], (m) => m.name === name && m.restoreId === record.id);
    return;
  }
  await addMarkers(deployment.client, [{ ...marker, role: "aside" }]);
  const message = `${namespace} was written to while the restored data was live: that is kept as ${name}, until mongokeep restore --drop-aside`;
  emit({ kind: "log", level: "warn", code: "written-meanwhile", message });
  await record.log(message);
}
