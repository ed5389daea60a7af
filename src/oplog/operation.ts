// What an entry of an oplog can do, as types. Pure. All Buffers are slices of the entry.
import { findElement, TYPE_TIMESTAMP } from "../bson/element.ts";
import { isTrue } from "../bson/fields.ts";
import { isServersDatabase, ownerOf } from "../mongo/servers-own.ts";
import type { ClusterTime } from "../mongo/server-info.ts";

/** The collection that an entry speaks of. */
export interface Place {
  readonly database: string;
  /** A time series goes by its own name, also where the entry names its buckets. */
  readonly collection: string;
  /** The entry is about the buckets of the time series. */
  readonly buckets: boolean;
}

/** A part of a transaction. All its parts share the key. */
export interface TransactionPart {
  readonly key: string;
  /** More parts follow. */
  readonly partial: boolean;
  /** It counts only when a commitTransaction follows. */
  readonly prepare: boolean;
  /** Where the part before it is; null for the first. */
  readonly previous: ClusterTime | null;
  /** Operations in all parts, where the last one says so. */
  readonly count: number | null;
}

/** What an entry does, without when. */
export type Operation =
  | { readonly kind: "ignore"; readonly what: string }
  /** An entry that cannot be replayed, because nobody knows what it would do. */
  | { readonly kind: "unknown"; readonly what: string }
  | WriteOperation
  | ViewOperation
  | CommandOperation;

export type WriteOperation =
  | { readonly kind: "insert"; readonly place: Place; readonly o: Buffer }
  | { readonly kind: "update"; readonly place: Place; readonly o: Buffer; readonly o2: Buffer }
  | { readonly kind: "delete"; readonly place: Place; readonly o: Buffer };

/** A write to `system.views`: the definition of a view, or that of a time series over its buckets. */
export interface ViewOperation {
  readonly kind: "view";
  readonly change: WriteOperation["kind"];
  readonly database: string;
  readonly view: string;
  readonly o: Buffer;
}

export type CommandOperation =
  /** `o` without its first element is the collection's options. */
  | { readonly kind: "create"; readonly place: Place; readonly o: Buffer }
  | { readonly kind: "drop"; readonly place: Place }
  /** `system.views` itself is dropped: no view of the database is left. */
  | { readonly kind: "dropViews"; readonly database: string }
  | { readonly kind: "dropDatabase"; readonly database: string }
  | { readonly kind: "rename"; readonly from: Place; readonly to: Place }
  | { readonly kind: "collMod"; readonly place: Place; readonly o: Buffer }
  /** createIndexes, and commitIndexBuild, which may hold several. */
  | { readonly kind: "createIndexes"; readonly place: Place; readonly indexes: readonly Buffer[] }
  | { readonly kind: "dropIndexes"; readonly place: Place; readonly o: Buffer }
  | { readonly kind: "convertToCapped"; readonly place: Place; readonly o: Buffer }
  | { readonly kind: "emptyCapped"; readonly place: Place }
  /** `transaction`: null where the operations count at once. */
  | {
      readonly kind: "applyOps";
      readonly operations: readonly Buffer[];
      readonly transaction: TransactionPart | null;
    }
  | { readonly kind: "commitTransaction"; readonly key: string }
  | { readonly kind: "abortTransaction"; readonly key: string };

export type OplogEntry = Operation & { readonly at: ClusterTime };

export const BUCKETS = "system.buckets.";
export const VIEWS = "system.views";

export function placeOf(database: string, name: string): Place {
  const buckets = name.startsWith(BUCKETS);
  return { database, collection: buckets ? name.slice(BUCKETS.length) : name, buckets };
}

export const unknown = (what: string) => ({ kind: "unknown", what }) as const;
export const ignore = (what: string) => ({ kind: "ignore", what }) as const;

/** A timestamp of the top level; null if there is none. */
export function timeAt(b: Buffer, name: string): ClusterTime | null {
  const found = findElement(b, 0, name);
  if (found?.type !== TYPE_TIMESTAMP) return null;
  return { t: b.readUInt32LE(found.at + 4), i: b.readUInt32LE(found.at) };
}

/** What the server writes for itself, and what else lies where only it should write: no backup has it. */
export function isServersOwn(database: string, name: string): boolean {
  if (isServersDatabase(database)) return ownerOf(database, name) !== "data";
  return name === "system.profile" || (database === "admin" && name === "system.keys");
}

/**
 * Whether a command `create` makes a collection that the server drops at its next start, and that $out, mapReduce
 * and convertToCapped rename in the end. Only `temp` tells: names of this form may be a user's own.
 */
export const isBornTemporary = (o: Buffer): boolean => isTrue(o, "temp");

/** For a rename into another database the server makes a collection without `temp`: a user's could be called so. */
export const RENAMED_ACROSS = /^tmp.{5}\.renameCollection$/;
