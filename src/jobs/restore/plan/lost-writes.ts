// What a rollback would take away again: what was written to the restored data since. Nothing of it is lost for good
// (the rollback retains it, or backs it up), but it is no longer live.
import { findUnwritten } from "../../../oplog/written-since.ts";
import { readStandings } from "../../../restore/swap/standings.ts";
import type { StoredRecord } from "../../../restore/record/record.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import type { Expected, RestoreOrder } from "./order.ts";

export interface LostSince {
  /** ISO 8601: when the restore that is undone began. */
  readonly restoredAt: string;
  readonly collections: readonly LostWrites[];
}

export interface LostWrites {
  readonly namespace: string;
  /** Whether anything was written to it since; null: not known. */
  readonly written: boolean | null;
  /** Documents more than were restored, by the server's count; less than 0: fewer. null: not known. */
  readonly moreDocuments: number | null;
}

/** Without those that are known to be as they were restored. */
export async function findLost(
  deployment: Deployment,
  order: RestoreOrder,
  { recorded }: Pick<StoredRecord, "recorded">,
): Promise<LostSince> {
  const expected: Expected = new Map(recorded.plan.collections.map((c) => [c.namespace, c]));
  const live = new Map(order.plan.collections.map((c) => [c.namespace, c.live]));
  const written = await findWritten(deployment, order);
  const names = [...new Set([...live.keys(), ...order.plan.remove])];
  const collections = names.flatMap((namespace): LostWrites[] => {
    const there = live.get(namespace);
    const isWritten = written.get(namespace) ?? null;
    if (there === null || there?.type === "view" || isWritten === false) return [];
    const then = recorded.plan.oplog ? null : (expected.get(namespace)?.documents ?? null);
    const now = there?.documents ?? null;
    const moreDocuments = then === null || now === null ? null : now - then;
    return [{ namespace, written: moreDocuments ? true : isWritten, moreDocuments }];
  });
  return { restoredAt: recorded.createdAt, collections };
}

/** Namespace → whether it was written to; what the oplog cannot tell is not in it. */
async function findWritten(
  deployment: Deployment,
  { swapBack }: RestoreOrder,
): Promise<ReadonlyMap<string, boolean>> {
  const known = new Map<string, boolean>();
  const since = swapBack?.since;
  if (!since) return known;
  const databases = new Set(swapBack.items.map((item) => item.database));
  const watched: { namespace: string; uuid: string; renamedTo: string[] }[] = [];
  for (const database of databases)
    for (const [name, there] of await readStandings(deployment.client, database)) {
      const namespace = `${database}.${name}`;
      if (there.kind === "collection" && since.uuids.get(namespace) === there.uuid)
        watched.push({ namespace, uuid: there.uuid, renamedTo: [namespace] });
    }
  const unwritten = await findUnwritten(deployment.client, since.time, watched);
  // None at all may mean that the log does not reach back so far: then it tells nothing of any.
  if (unwritten.size === 0) return known;
  for (const { namespace, uuid } of watched) known.set(namespace, !unwritten.has(uuid));
  return known;
}
