// The operations of oplog entries, as types. Pure. All Buffers are slices of the entry.
import { findElement, TYPE_TIMESTAMP } from "../bson/element.ts";
import { isTrue } from "../bson/fields.ts";
import { isServersDatabase, ownerOf } from "../mongo/servers-own.ts";
import type { ClusterTime } from "../mongo/server-info.ts";

/** The collection of an entry. */
export interface Place {
  readonly database: string;
  /** The name of a time series, also if the entry names its buckets. */
  readonly collection: string;
  /** The entry refers to the buckets of the time series. */
  readonly buckets: boolean;
}

/** A part of a transaction. All its parts share the key. */
export interface TransactionPart {
  readonly key: string;
  /** More parts follow. */
  readonly partial: boolean;
  /** It applies only if a commitTransaction follows. */
  readonly prepare: boolean;
  /** Position of the previous part; null for the first. */
  readonly previous: ClusterTime | null;
  /** Number of operations in all parts, if the last part states it. */
  readonly count: number | null;
}

/** What an entry does, without its time. */
export type Operation =
  | { readonly kind: "ignore"; readonly what: string }
  /** An entry that cannot be replayed, because its effect is unknown. */
  | { readonly kind: "unknown"; readonly what: string }
  | WriteOperation
  | ViewOperation
  | CommandOperation;

export type WriteOperation =
  | { readonly kind: "insert"; readonly place: Place; readonly o: Buffer }
  | { readonly kind: "update"; readonly place: Place; readonly o: Buffer; readonly o2: Buffer }
  | { readonly kind: "delete"; readonly place: Place; readonly o: Buffer };

/** A write to `system.views`: the definition of a view, or of a time series over its buckets. */
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
  /** `system.views` itself is dropped: the database has no views left. */
  | { readonly kind: "dropViews"; readonly database: string }
  | { readonly kind: "dropDatabase"; readonly database: string }
  | { readonly kind: "rename"; readonly from: Place; readonly to: Place }
  | { readonly kind: "collMod"; readonly place: Place; readonly o: Buffer }
  /** createIndexes, and commitIndexBuild, which may hold several. */
  | { readonly kind: "createIndexes"; readonly place: Place; readonly indexes: readonly Buffer[] }
  | { readonly kind: "dropIndexes"; readonly place: Place; readonly o: Buffer }
  | { readonly kind: "convertToCapped"; readonly place: Place; readonly o: Buffer }
  | { readonly kind: "emptyCapped"; readonly place: Place }
  /** `transaction`: null if the operations apply at once. */
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

/** Namespaces that only the server writes to: no backup contains them. */
export function isServersOwn(database: string, name: string): boolean {
  if (isServersDatabase(database)) return ownerOf(database, name) !== "data";
  return name === "system.profile" || (database === "admin" && name === "system.keys");
}

/**
 * Whether a `create` makes a collection that the server drops at its next start, and that $out, mapReduce and
 * convertToCapped finally rename. Only the option `temp` counts, because a user may choose such a name.
 */
export const isBornTemporary = (o: Buffer): boolean => isTrue(o, "temp");

/** For a rename into another database the server creates a collection without `temp`; a user could use such a name. */
export const RENAMED_ACROSS = /^tmp.{5}\.renameCollection$/;
