// What an opened backup is to its readers: ours by its manifest, or a dump of the stock tools.
import type { CollectionType, Manifest } from "./manifest.ts";
import type { ArchivedFile, Place } from "./place.ts";
import type { ArchivedOplog } from "./stock-oplog.ts";

export interface ArchivedCollection {
  readonly database: string;
  readonly name: string;
  readonly type: CollectionType;
  /** null for a view. */
  readonly dataFile: ArchivedFile | null;
  readonly metadataFile: ArchivedFile | null;
  /** A stock dump whose files were renamed: what its metadata calls it. */
  readonly renamedFrom?: string;
  /** Without a metadata file: raw BSON of the indexes that `system.indexes` of an old dump has of it. */
  readonly indexes?: readonly Uint8Array[];
  /** What the manifest promises; null in a stock dump, which promises nothing. */
  readonly expected: {
    readonly documents: number;
    readonly rawBytes: number;
    readonly contentHash: string | null;
    readonly newestId?: string | null;
  } | null;
}

export interface OpenedBackup {
  /** Its folder or file, in the storage of its place. */
  readonly path: string;
  readonly place: Place;
  /** The file of `mongodump --archive` that `path` was unpacked from. */
  readonly archive?: string;
  /** The name of the folder or the file. */
  readonly id: string;
  /** null: a stock dump. */
  readonly manifest: Manifest | null;
  readonly collections: readonly ArchivedCollection[];
  /** What of a stock dump is left out or taken in another way than its files say; sentences, lower case. */
  readonly notes?: readonly string[];
  /** The folder of one database, where `path` is that itself. */
  readonly databaseFolder?: string;
  /** It comes with an oplog, which must be replayed to make it one state. */
  readonly hasOplog: boolean;
  readonly oplog: ArchivedOplog | null;
}
