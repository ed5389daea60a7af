// How many documents a restore would bring back only for the server to delete them within a minute, because they are
// older than their expiry by now. Read from the backup, while a plan is made.
import { setImmediate as nextTurn } from "node:timers/promises";
import { readMetadata } from "../../../archive/metadata-file.ts";
import type { ArchivedCollection } from "../../../archive/opened.ts";
import type { Query } from "../../../bson/query/query.ts";
import { expiredQuery } from "../../../restore/plan/expired.ts";
import { readArchived } from "../../../verify/compare-sides.ts";
import type { JobContext } from "../../context.ts";
import type { RestoreOrder } from "./order.ts";

export interface Expiring {
  readonly namespace: string;
  /** Of a time series its buckets. null: not counted. */
  readonly documents: number | null;
}

/** A plan must not take as long as the restore itself. */
const MOST_BYTES = 1e9;

/** Collections of which something has expired, or may have. */
export async function countExpiring(
  { clock, signal }: Pick<JobContext, "clock" | "signal">,
  { backup, plan, swapBack }: RestoreOrder,
): Promise<Expiring[]> {
  if (!backup || swapBack || !plan.expiry) return [];
  const archived = new Map(backup.collections.map((c) => [`${c.database}.${c.name}`, c]));
  const found: Expiring[] = [];
  let left = MOST_BYTES;
  for (const { namespace, source, rawBytes, documents } of plan.collections) {
    const collection = archived.get(`${source.database}.${source.name}`);
    if (!collection?.dataFile || documents === 0) continue;
    signal.throwIfAborted();
    const metadata = await readMetadata(collection);
    const query = metadata && expiredQuery(metadata, clock.now());
    if (query === null) continue;
    left -= rawBytes ?? Infinity;
    const isCounted = query !== "unknown" && left >= 0;
    const count = isCounted ? await countMatching(collection, query, signal) : null;
    if (count !== 0) found.push({ namespace, documents: count });
  }
  return found;
}

async function countMatching(
  collection: ArchivedCollection,
  query: Query,
  signal: AbortSignal,
): Promise<number> {
  let count = 0;
  for await (const { bytes } of readArchived(collection, signal)) {
    for (let at = 0; at < bytes.length; at += bytes.readInt32LE(at)) if (query(bytes, at)) count++;
    // Ctrl-C gets a word in.
    await nextTurn();
    signal.throwIfAborted();
  }
  return count;
}
