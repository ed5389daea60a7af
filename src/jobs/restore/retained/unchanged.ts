// Finds retained collections that have not changed since a backup or a restore held them, using the oplog: it takes the
// same time however large they are. What must stay true: nothing is dropped on this answer alone.
import { readMetadata } from "../../../archive/metadata-file.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { estimateContents } from "../../../mongo/collection-size.ts";
import { findUnwritten } from "../../../oplog/written-since.ts";
import type { SwapItem } from "../../../restore/swap/swap-plan.ts";
import type { Retained, ToCompare } from "./retained.ts";
import type { JobContext } from "../../context.ts";
import type { Since } from "../plan/order.ts";

/** @throws KeepError unreachable */
export async function findUnchanged(
  { settings, signal }: JobContext,
  { client }: Deployment,
  { items, expected, since: known, before }: ToCompare,
): Promise<ReadonlyMap<SwapItem, Retained>> {
  const quiet = new Map<SwapItem, Retained>();
  const since = known ?? (await sinceBackup(before));
  if (since === null || settings.restoreKeepAsideMs === 0) return quiet;
  const candidates = items.flatMap((item) => {
    const namespace = `${item.database}.${item.name}`;
    const { documents = null, contentHash = null } = expected.get(namespace) ?? {};
    if (item.old.kind !== "collection" || documents === null || contentHash === null) return [];
    const { uuid, parked } = item.old;
    if (since.uuids.get(namespace) !== uuid) return [];
    return [{ item, uuid, namespace, parked, documents }];
  });
  const watched = candidates.map(({ item, uuid, namespace, parked }) => ({
    ...{ uuid, renamedTo: [`${item.database}.${parked}`, namespace] },
  }));
  const unwritten = await findUnwritten(client, since.time, watched);
  const still = candidates.filter(({ uuid }) => unwritten.has(uuid));
  // Costs nothing, and would show that the log and the collection are not of one world.
  const places = still.map(({ item, parked }) => ({ database: item.database, name: parked }));
  const sizes = await estimateContents(client, places, signal);
  for (const [n, { item, namespace, parked, documents }] of still.entries()) {
    if (sizes[n]?.documents !== documents) continue;
    quiet.set(item, { namespace, collection: parked, documents, inBackup: true, lateWrites: 0 });
  }
  return quiet;
}

/** A backup of one instant has what was there at it. */
async function sinceBackup(before: ToCompare["before"]): Promise<Since | null> {
  const { consistency, collections = [] } = before?.manifest ?? {};
  if (!before || consistency?.mode !== "snapshot" || !consistency.clusterTime) return null;
  const atInstant = new Set(
    collections.filter((c) => c.consistency === "snapshot").map((c) => `${c.database}.${c.name}`),
  );
  const uuids = new Map<string, string>();
  for (const one of before.collections) {
    const namespace = `${one.database}.${one.name}`;
    const uuid = atInstant.has(namespace) ? ((await readMetadata(one))?.uuid ?? null) : null;
    if (uuid !== null) uuids.set(namespace, uuid);
  }
  return { time: consistency.clusterTime, uuids };
}
