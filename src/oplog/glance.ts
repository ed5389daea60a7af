// The few fields of an oplog entry that tell its time and namespace, read without decoding it. Pure.
import {
  findElement,
  findString,
  TYPE_ARRAY,
  TYPE_DOCUMENT,
  TYPE_TIMESTAMP,
} from "../bson/element.ts";
import type { ClusterTime } from "../mongo/server-info.ts";

export interface Glance {
  readonly ts: ClusterTime;
  /** `i`, `u`, `d`, `c`, `n`… */
  readonly op: string;
  readonly database: string;
  /** The part after the database; `$cmd` for a command. */
  readonly collection: string;
  /** Offset of the document `o`; -1 without one. */
  readonly at: number;
}

const ZERO: ClusterTime = { t: 0, i: 0 };

/** Reads an entry, or an operation inside `applyOps` (without `ts`), that starts at `start`. */
export function glance(b: Buffer, start: number): Glance {
  const ns = findString(b, start, "ns") ?? "";
  const dot = ns.indexOf(".");
  return {
    ts: timestampAt(b, start, "ts"),
    op: findString(b, start, "op") ?? "",
    database: dot < 0 ? ns : ns.slice(0, dot),
    collection: dot < 0 ? "" : ns.slice(dot + 1),
    at: documentAt(b, start, "o"),
  };
}

/** A named timestamp of the document at `start`; zero if there is none. */
export function timestampAt(b: Buffer, start: number, name: string): ClusterTime {
  const found = findElement(b, start, name);
  if (found?.type !== TYPE_TIMESTAMP) return ZERO;
  return { t: b.readUInt32LE(found.at + 4), i: b.readUInt32LE(found.at) };
}

/** Start of a named document within the document at `start`; -1 if there is none. */
export function documentAt(b: Buffer, start: number, name: string): number {
  const found = findElement(b, start, name);
  return found?.type === TYPE_DOCUMENT ? found.at : -1;
}

/** Start of the operations of an `applyOps` command; -1 for any other command. */
export function operationsAt(b: Buffer, command: number): number {
  const found = findElement(b, command, "applyOps");
  return found?.type === TYPE_ARRAY ? found.at : -1;
}

/** A command's name, which is its first field. */
export function commandName(b: Buffer, command: number): string {
  return b.toString("utf8", command + 5, b.indexOf(0, command + 5));
}

/** Offsets of the documents of the array at `start`. */
export function* documentsOf(b: Buffer, start: number): Generator<number, void, void> {
  let at = start + 4;
  while (b[at] === TYPE_DOCUMENT) {
    const value = b.indexOf(0, at + 1) + 1;
    yield value;
    at = value + b.readInt32LE(value);
  }
}
