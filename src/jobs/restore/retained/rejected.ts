// Restored collections that were live for a while before the restore was undone: the service may have written to them.
// What must stay true: only one that still equals what was restored is dropped; any other is retained.
import { warn } from "../../../events.ts";
import { toKeepError } from "../../../errors.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { addMarkers, belongsTo, readMarkers } from "../../../mongo/own-collections.ts";
import type { Marker } from "../../../mongo/own-collections.ts";
import { createVerifier } from "../../../restore/load/read-back.ts";
import { readRecord } from "../../../restore/record/read-record.ts";
import { bestEffort } from "../../../restore/record/record-file.ts";
import type { JournalEntry, RestoreRecord } from "../../../restore/record/record.ts";
import { dropOwn, pruneMarkers } from "../../../restore/swap/staged.ts";
import { readStandings } from "../../../restore/swap/standings.ts";
import type { SwapItem } from "../../../restore/swap/swap-plan.ts";
import type { JobContext } from "../../context.ts";
import type { Transaction } from "../run/phase.ts";

/** Before the names are renamed back: what is live of a restore's own is not dropped unseen. */
export async function markRejected(
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

/** Drops it, or keeps it and says so. Failing is a warning: it stays then. */
export async function settleRejected({ context, order, record }: Transaction): Promise<void> {
  const { targetDatabases, mode, oplog } = order.plan;
  if (mode === "in-place") return;
  const lenient = bestEffort(record, context.emit);
  try {
    await using deployment = await context.connect(new AbortController().signal);
    const stored = await readRecord(context.settings.backupDir, record.id);
    const proved = verifiedIn(stored?.entries ?? []);
    for (const database of targetDatabases) {
      const own = (await readMarkers(deployment.client, database)).filter(
        (marker) => marker.restoreId === record.id && marker.role === "returned",
      );
      await settleIn(context, deployment, {
        database,
        own,
        proved,
        isReplayed: oplog !== null,
        record: lenient,
      });
    }
    await pruneMarkers(deployment, targetDatabases, record.id);
  } catch (error) {
    const { message } = toKeepError(error);
    warn(
      context.emit,
      "returned-left",
      `the state from before is back; the restored data could not be compared and stays (${message}); later: mongokeep restore --discard-replaced ${record.id} --confirm`,
    );
  }
}

type Proved = ReadonlyMap<string, NonNullable<JournalEntry["proved"]>>;

/** What was found in each namespace when it was staged; the last word holds. */
function verifiedIn(entries: readonly JournalEntry[]): Proved {
  return new Map(
    entries.flatMap(({ namespace, proved }) =>
      namespace !== undefined && proved ? [[namespace, proved] as const] : [],
    ),
  );
}

interface Returned {
  readonly database: string;
  readonly own: readonly Marker[];
  readonly proved: Proved;
  /** The oplog may have changed what was proved before it. */
  readonly isReplayed: boolean;
  readonly record: RestoreRecord;
}

/** Compares each; what is as it was restored is dropped together, with one look at the server. */
async function settleIn(
  context: JobContext,
  deployment: Deployment,
  { database, own, proved, isReplayed, record }: Returned,
): Promise<void> {
  const signal = new AbortController().signal;
  const same = new Set<string>();
  using verifier = createVerifier(deployment);
  for (const marker of own) {
    const { name, namespace } = marker;
    const { documents = -1, contentHash = null } = proved.get(namespace) ?? {};
    const place = { namespace, database, name, type: "collection" } as const;
    const promised = { ...place, expectedDocuments: documents, contentHash };
    const { equal } = await verifier.verify(promised, { emit: context.emit, signal });
    if (equal) same.add(name);
    else
      await keep(context, deployment, {
        marker,
        isKnown: proved.has(namespace) && !isReplayed,
        record,
      });
  }
  if (same.size > 0)
    await dropOwn(deployment, [database], (m) => same.has(m.name) && m.restoreId === record.id);
}

interface Kept {
  readonly marker: Marker;
  /** Whether it is known what had been restored. */
  readonly isKnown: boolean;
  readonly record: RestoreRecord;
}

async function keep(
  { emit }: JobContext,
  deployment: Deployment,
  { marker, isKnown, record }: Kept,
): Promise<void> {
  const { name, namespace } = marker;
  await addMarkers(deployment.client, [{ ...marker, role: "aside" }]);
  const until = "until mongokeep restore --discard-replaced";
  const message = isKnown
    ? `${namespace} was written to while the restored data was live: that is retained as ${name}, ${until}`
    : `${namespace} could not be compared with what was restored, so it is not known whether the service wrote to it meanwhile: it is retained as ${name}, ${until}`;
  warn(emit, isKnown ? "written-meanwhile" : "returned-not-compared", message);
  await record.log(message);
}
