// manifest.json: what a backup holds. The types are the contract with users and other programs (docs/format.md).
import type { Compression } from "../codec/codec.ts";
import type { ClusterTime, ServerInfo } from "../mongo/server-info.ts";

export const MANIFEST_SCHEMA = 1;

export type BackupType = "automatic" | "manual" | "pre-restore";
/** `weekly` for backups made on a Sunday, `monthly` for those made on the 1st (BACKUP_TIMEZONE). Only automatic ones carry marks. */
export type TierMark = "weekly" | "monthly";
export type EngineName = "native" | "mongodump" | "ejson";
export type ConsistencyMode = "snapshot" | "oplog" | "none";
export type CollectionType = "collection" | "timeseries" | "view";

/** Which backups belong together for retention and for `latest`. */
export interface Scope {
  /** Replica set name, or host:port of a standalone. */
  readonly server: string;
  /** host:port as in the settings, sorted; never credentials. */
  readonly hosts: readonly string[];
  /** null: all databases. */
  readonly databases: readonly string[] | null;
  /** Namespaces left out, sorted. */
  readonly exclude: readonly string[];
}

/** How the files of a backup were encrypted. */
export interface Encryption {
  readonly method: string;
}

export interface Consistency {
  readonly mode: ConsistencyMode;
  readonly clusterTime?: ClusterTime;
  readonly from?: ClusterTime;
  readonly to?: ClusterTime;
  /** How far the instant was behind the newest write that was known. Absent where nobody could say, and in old backups. */
  readonly lagSeconds?: number;
}

export interface ManifestCollection {
  readonly database: string;
  readonly name: string;
  readonly type: CollectionType;
  readonly documents: number;
  /** BSON bytes. */
  readonly rawBytes: number;
  /** Bytes on disk of the data file. */
  readonly storedBytes: number;
  /** Order-independent hash of the documents (bson/content-hash.ts); null for a view. */
  readonly contentHash: string | null;
  readonly consistency: ConsistencyMode;
  /**
   * ISO 8601: the latest time in the `_id`s that are ObjectIds; null where there are none. Absent for what is no
   * plain collection, and in backups of earlier versions.
   */
  readonly newestId?: string | null;
  /** Names of the indexes, `_id_` included. Their definitions are in the metadata file. */
  readonly indexes: readonly string[];
  /** Paths of the data file (absent for a view) and the metadata file, relative to the backup. */
  readonly files: readonly string[];
}

/** Capped collections refuse to be read at an instant: what they hold is from some moment of the dump. */
export function namesOutsideInstant({
  consistency,
  collections,
}: Pick<Manifest, "consistency" | "collections">): string[] {
  if (consistency.mode === "none") return [];
  return collections
    .filter((one) => one.type !== "view" && one.consistency === "none")
    .map(({ database, name }) => `${database}.${name}`);
}

/** What was there and is not in the backup, although nobody excluded it. */
export interface LeftOut {
  /** `database.collection`; for `internal-database` the database. */
  readonly namespace: string;
  readonly because: "temporary" | "servers-database" | "internal-database" | "no-time-series";
}

export interface ManifestFile {
  /** Relative to the backup folder, `/` between folder and file. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

export interface Totals {
  readonly collections: number;
  readonly documents: number;
  readonly rawBytes: number;
  readonly storedBytes: number;
}

export interface ManifestBody {
  readonly schema: number;
  readonly id: string;
  readonly kind: "full";
  readonly parent: string | null;
  /** ISO 8601, UTC: the moment the backup began, and ended. */
  readonly createdAt: string;
  readonly finishedAt: string;
  readonly type: BackupType;
  readonly tier: readonly TierMark[];
  readonly note: string | null;
  readonly tool: { readonly name: "mongokeep"; readonly version: string };
  readonly engine: EngineName;
  readonly server: ServerInfo;
  readonly scope: Scope;
  readonly databases: readonly string[];
  /** Absent in backups of earlier versions. */
  readonly leftOut?: readonly LeftOut[];
  readonly consistency: Consistency;
  readonly users: "included" | "not included";
  readonly compression: Compression;
  /** null: files are stored as they are. */
  readonly encryption: Encryption | null;
  readonly collections: readonly ManifestCollection[];
  readonly files: readonly ManifestFile[];
  readonly totals: Totals;
  /** What a person should know of this data. Absent where there is nothing, and in backups of earlier versions. */
  readonly warnings?: readonly string[];
}

/** `sha256` is the last field: hex SHA-256 of the file's text before it (see docs/format.md). */
export interface Manifest extends ManifestBody {
  readonly sha256: string;
}
