// Reads a log before anything is changed: which collections it makes, and whether it can be replayed at all.
// Nothing is carried out.
import type { ClusterTime } from "../mongo/server-info.ts";
import { compareTimes } from "./cluster-time.ts";
import { classifyEntry, classifyOperation } from "./entry.ts";
import type { Operation, Place } from "./operation.ts";
import { notAlone, notKnown } from "./replay-error.ts";

export interface OplogScan {
  readonly entries: number;
  readonly first: ClusterTime | null;
  readonly last: ClusterTime | null;
  /** Names that the log gives to a collection, by `create` or a rename, also for a time only. */
  readonly made: readonly Place[];
  /** The same for views. */
  readonly views: readonly { readonly database: string; readonly name: string }[];
}

export interface ScanOptions {
  readonly to: ClusterTime | null;
  /** Whether a collection is part of the restore. */
  readonly isRestored: (database: string, collection: string) => boolean;
  readonly signal: AbortSignal;
}

/** @throws KeepError not-in-this-version for an entry that is not known, damaged for one that cannot be carried out */
export async function scanOplog(
  entries: AsyncIterable<Buffer>,
  options: ScanOptions,
): Promise<OplogScan> {
  const made = new Map<string, Place>();
  const views = new Map<string, { database: string; name: string }>();
  let count = 0;
  let first: ClusterTime | null = null;
  let last: ClusterTime | null = null;
  const look = (operation: Operation, at: ClusterTime): void => {
    if (operation.kind === "applyOps")
      for (const child of operation.operations) look(classifyOperation(child), at);
    else if (operation.kind === "view") {
      const { database, view: name } = operation;
      views.set(`${database}.${name}`, { database, name });
    } else {
      const place = placeMade(operation, at, options);
      if (place) made.set(`${place.database}.${place.collection}`, place);
    }
  };
  for await (const raw of entries) {
    options.signal.throwIfAborted();
    const entry = classifyEntry(raw);
    if (options.to && compareTimes(entry.at, options.to) > 0) break;
    count++;
    first ??= entry.at;
    last = entry.at;
    look(entry, entry.at);
  }
  return { entries: count, first, last, made: [...made.values()], views: [...views.values()] };
}

function placeMade(
  operation: Operation,
  at: ClusterTime,
  { isRestored }: ScanOptions,
): Place | null {
  const isPart = ({ database, collection }: Place) => isRestored(database, collection);
  if (operation.kind === "unknown")
    throw notKnown({ kind: operation.kind, namespace: "no collection", at }, operation.what);
  if (operation.kind === "create") return isPart(operation.place) ? operation.place : null;
  if (operation.kind !== "rename" || !isPart(operation.to)) return null;
  if (isPart(operation.from)) return operation.to;
  throw notAlone(operation.from, operation.to, at);
}
