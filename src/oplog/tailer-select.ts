// Which oplog entries a backup keeps, and of a transaction which of its operations. Pure.
// What must stay true: nothing of a database that was not asked for gets into the file, and no transaction
// that is committed after the instant loses an operation, also where its first entries are older.
import { findElement, findString } from "../bson/element.ts";
import type { ClusterTime } from "../mongo/server-info.ts";
import {
  commandName,
  compareTimes,
  documentAt,
  documentsOf,
  glance,
  operationsAt,
  timestampAt,
} from "./glance.ts";
import type { Glance } from "./glance.ts";

/** What a backup takes. */
export interface TakenNamespaces {
  database(name: string): boolean;
  collection(database: string, name: string): boolean;
}

const BUCKETS = "system.buckets.";
const VIEWS = "system.views";
/** Commands that end a transaction; they name no collection. */
const ENDINGS = ["commitTransaction", "abortTransaction"];

/**
 * The entry as the backup keeps it: whole, with fewer operations, or null. Up to `after`, which the data
 * itself shows, only what transactions had written that were not committed then.
 */
export function selectEntry(
  entry: Buffer,
  taken: TakenNamespaces,
  after: ClusterTime,
): Buffer | null {
  const seen = glance(entry, 0);
  const early = compareTimes(seen.ts, after) <= 0;
  if (seen.op === "c" && seen.at >= 0 && operationsAt(entry, seen.at) >= 0) {
    if (early && !isUncommitted(entry, seen.at)) return null;
    return selectOperations(entry, seen.at, taken);
  }
  return !early && concerns(entry, 0, seen, taken) ? entry : null;
}

function isTrue(b: Buffer, start: number, name: string): boolean {
  const found = findElement(b, start, name);
  return found !== undefined && b[found.at] === 1;
}

/** Written before its transaction was committed. */
const isUncommitted = (b: Buffer, command: number) =>
  isTrue(b, command, "partialTxn") || isTrue(b, command, "prepare");

/** Whether an entry or an operation within one is about something that the backup takes. */
function concerns(b: Buffer, start: number, seen: Glance, taken: TakenNamespaces): boolean {
  const { op, database, collection, at } = seen;
  if (op === "c") return at >= 0 && commandConcerns(b, database, at, taken);
  if (op !== "i" && op !== "u" && op !== "d") return isUnheardOf(op) && taken.database(database);
  if (!taken.database(database)) return false;
  if (collection === VIEWS) return viewConcerns(b, start, seen, taken);
  return takes(taken, database, collection);
}

/** Kinds that are known to change nothing that a backup has: noops and the server's own upkeep. */
const isUnheardOf = (op: string) => !["n", "cd", "ci", "cu", "km"].includes(op);

function takes(taken: TakenNamespaces, database: string, collection: string): boolean {
  const name = collection.startsWith(BUCKETS) ? collection.slice(BUCKETS.length) : collection;
  return taken.database(database) && taken.collection(database, name);
}

/** A view is a document whose `_id` is the view's whole name. */
function viewConcerns(b: Buffer, start: number, seen: Glance, taken: TakenNamespaces): boolean {
  const at = seen.op === "u" ? documentAt(b, start, "o2") : seen.at;
  const view = at < 0 ? null : findString(b, at, "_id");
  return view === null || nameConcerns(view, taken);
}

function nameConcerns(namespace: string, taken: TakenNamespaces): boolean {
  const dot = namespace.indexOf(".");
  return takes(taken, namespace.slice(0, dot), namespace.slice(dot + 1));
}

function commandConcerns(b: Buffer, database: string, at: number, taken: TakenNamespaces): boolean {
  const name = commandName(b, at);
  if (ENDINGS.includes(name)) return true;
  const target = findString(b, at, name);
  if (name === "renameCollection")
    return [target, findString(b, at, "to")].some(
      (one) => one !== null && nameConcerns(one, taken),
    );
  if (!taken.database(database)) return false;
  return target === null || takes(taken, database, target);
}

function selectOperations(entry: Buffer, at: number, taken: TakenNamespaces): Buffer | null {
  const array = operationsAt(entry, at);
  const kept: Buffer[] = [];
  let all = 0;
  let changed = false;
  for (const start of documentsOf(entry, array)) {
    all++;
    const operation = entry.subarray(start, start + entry.readInt32LE(start));
    const selected = selectOperation(operation, taken);
    if (selected === null) continue;
    kept.push(selected);
    changed ||= selected !== operation;
  }
  if (kept.length === all && !changed) return entry;
  // The end of a transaction in several entries is needed even where nothing is left in it.
  if (kept.length === 0 && !isPart(entry, at)) return null;
  return replaceArray(entry, at, array, kept);
}

function selectOperation(operation: Buffer, taken: TakenNamespaces): Buffer | null {
  const seen = glance(operation, 0);
  if (seen.op === "c" && seen.at >= 0 && operationsAt(operation, seen.at) >= 0)
    return selectOperations(operation, seen.at, taken);
  return concerns(operation, 0, seen, taken) ? operation : null;
}

/** One of several entries of a transaction. */
function isPart(entry: Buffer, at: number): boolean {
  if (isUncommitted(entry, at)) return true;
  const previous = documentAt(entry, 0, "prevOpTime");
  return previous >= 0 && timestampAt(entry, previous, "ts").t > 0;
}

/** `entry` with other documents in the array at `array`, which lies in the document at `outer`. */
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
