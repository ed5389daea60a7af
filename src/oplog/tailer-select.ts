// Which oplog entries a backup keeps, and which operations of a transaction. Pure. What must stay true: nothing of an
// unselected database gets into the file, and no transaction committed after the instant loses an operation, even if
// its first entries are older.
import { findString } from "../bson/element.ts";
import type { ClusterTime } from "../mongo/server-info.ts";
import { compareTimes } from "./cluster-time.ts";
import { classifyEntry } from "./entry.ts";
import { commandName, documentAt, documentsOf, glance, operationsAt } from "./glance.ts";
import type { Glance } from "./glance.ts";
import { FollowedNames } from "./followed-names.ts";
import type { TakenNamespaces } from "./followed-names.ts";
import { BUCKETS, VIEWS } from "./operation.ts";
import { dropEmpty, OpenTransactions } from "./tailer-transactions.ts";
import type { Selected } from "./tailer-transactions.ts";

/**
 * Returns each entry as the backup keeps it: whole, with fewer operations, or null. Call it in oplog order. Up to
 * `after`, which the data itself shows, it keeps only operations of transactions that were not committed then.
 */
export function createSelect(
  takenAtFirst: TakenNamespaces,
  after: ClusterTime,
): (entry: Buffer) => Buffer | null {
  const open = new OpenTransactions();
  const taken = new FollowedNames(takenAtFirst);
  return (entry) => {
    const seen = glance(entry, 0);
    const early = compareTimes(seen.ts, after) <= 0;
    if (seen.op !== "c") return !early && concerns(entry, 0, seen, taken) ? entry : null;
    const operation = classifyEntry(entry);
    switch (operation.kind) {
      case "applyOps": {
        const { transaction: part } = operation;
        if (part) return open.add(part, entry, selectOperations(entry, seen.at, taken), early);
        return early ? null : dropEmpty(selectOperations(entry, seen.at, taken));
      }
      case "abortTransaction":
        return open.end(operation.key, true) ? entry : null;
      case "commitTransaction":
        // Early entries are in the data. A transaction that they committed stays open here, and is never applied.
        return open.end(operation.key, early) && !early ? entry : null;
      default:
        return !early && concerns(entry, 0, seen, taken) ? entry : null;
    }
  };
}

/** Whether an entry, or an operation inside one, concerns the backup. */
function concerns(b: Buffer, start: number, seen: Glance, taken: FollowedNames): boolean {
  const { op, database, collection, at } = seen;
  if (op === "c") return at >= 0 && commandConcerns(b, database, at, taken);
  if (op !== "i" && op !== "u" && op !== "d") return isUnheardOf(op) && taken.database(database);
  if (!taken.database(database)) return false;
  if (collection === VIEWS) return viewConcerns(b, start, seen, taken);
  return takes(taken, database, collection);
}

/** Kinds known to change nothing in a backup: noops and the server's own maintenance. */
const isUnheardOf = (op: string) => !["n", "cd", "ci", "cu", "km"].includes(op);

function takes(taken: FollowedNames, database: string, collection: string): boolean {
  return taken.database(database) && taken.collection(database, withoutBuckets(collection));
}

const withoutBuckets = (collection: string) =>
  collection.startsWith(BUCKETS) ? collection.slice(BUCKETS.length) : collection;

/** A view is a document whose `_id` is the view's full name. */
function viewConcerns(b: Buffer, start: number, seen: Glance, taken: FollowedNames): boolean {
  const at = seen.op === "u" ? documentAt(b, start, "o2") : seen.at;
  const view = at < 0 ? null : findString(b, at, "_id");
  return view === null || nameConcerns(view, taken);
}

function nameConcerns(namespace: string, taken: FollowedNames): boolean {
  const dot = namespace.indexOf(".");
  return takes(taken, namespace.slice(0, dot), namespace.slice(dot + 1));
}

function commandConcerns(b: Buffer, database: string, at: number, taken: FollowedNames): boolean {
  const name = commandName(b, at);
  const target = findString(b, at, name);
  if (name === "renameCollection") return renameConcerns(target, findString(b, at, "to"), taken);
  if (!taken.database(database)) return false;
  if (target === null) return true;
  // The collection of all views belongs to none of them by name.
  if (target === VIEWS) return name === "drop";
  const bare = withoutBuckets(target);
  if (name === "create") taken.created(database, bare, b.subarray(at, at + b.readInt32LE(at)));
  const concerned = takes(taken, database, target);
  if (name === "drop") taken.dropped(`${database}.${bare}`);
  return concerned;
}

function renameConcerns(from: string | null, to: string | null, taken: FollowedNames): boolean {
  const concerned = [from, to].some((one) => one !== null && nameConcerns(one, taken));
  if (from !== null && to !== null) taken.renamed(from, to);
  return concerned;
}

function selectOperations(entry: Buffer, at: number, taken: FollowedNames): Selected {
  const array = operationsAt(entry, at);
  const kept: Buffer[] = [];
  let removed = 0;
  let changed = false;
  for (const start of documentsOf(entry, array)) {
    const operation = entry.subarray(start, start + entry.readInt32LE(start));
    const selected = selectOperation(operation, taken);
    if (selected === null) removed++;
    else kept.push(selected);
    changed ||= selected !== operation;
  }
  const left = changed ? replaceArray(entry, at, array, kept) : entry;
  return { entry: left, kept: kept.length, removed };
}

function selectOperation(operation: Buffer, taken: FollowedNames): Buffer | null {
  const seen = glance(operation, 0);
  if (seen.op === "c" && seen.at >= 0 && operationsAt(operation, seen.at) >= 0)
    return dropEmpty(selectOperations(operation, seen.at, taken));
  return concerns(operation, 0, seen, taken) ? operation : null;
}

/** `entry` with other documents in the array at `array`, which is inside the document at `outer`. */
function replaceArray(
  entry: Buffer,
  outer: number,
  array: number,
  documents: readonly Buffer[],
): Buffer {
  const parts = documents.flatMap((one, n) => [Buffer.from(`\x03${n}\0`, "latin1"), one]);
  const length = 5 + parts.reduce((sum, part) => sum + part.length, 0);
  const head = Buffer.from(entry.subarray(0, array + 4));
  const old = entry.readInt32LE(array);
  head.writeInt32LE(entry.length - old + length, 0);
  head.writeInt32LE(entry.readInt32LE(outer) - old + length, outer);
  head.writeInt32LE(length, array);
  return Buffer.concat([head, ...parts, Buffer.of(0), entry.subarray(array + old)]);
}
