// What jobs give back: the same objects that `--json` prints (docs/cli.md) and the library returns.
import type {
  BackupType,
  Consistency,
  EngineName,
  LeftOut,
  Manifest,
  TierMark,
  Totals,
} from "../archive/manifest.ts";
import type { Problem, VerifyLevel } from "../archive/verification.ts";
import type { Estimate } from "./restore/plan/estimate.ts";
import type { Expiring } from "./restore/plan/expiring.ts";
import type { LostSince } from "./restore/plan/lost-writes.ts";
import type { RestoreMode, RestorePlan } from "../restore/plan/plan.ts";
import type { Verified } from "../restore/load/read-back.ts";
import type { Replayed } from "../restore/load/replay.ts";
import type { ComparedCollection } from "../verify/compare.ts";

export interface BackupResult {
  readonly ok: true;
  readonly id: string;
  readonly path: string;
  readonly type: BackupType;
  readonly note: string | null;
  readonly totals: Totals;
  readonly consistency: Consistency;
  /** Collections that were not read at that one instant (capped ones); none where there is no instant. */
  readonly outsideInstant: readonly string[];
  /** What really moved the documents: another one than was asked for where its tool is missing. */
  readonly engine: EngineName;
  readonly users: "included" | "not included";
  /** What was there and is not in the backup, although nobody excluded it. */
  readonly leftOut: readonly LeftOut[];
  readonly verification: { readonly ok: true; readonly level: VerifyLevel };
  readonly timings: {
    readonly dumpSeconds: number;
    readonly verifySeconds: number;
    readonly totalSeconds: number;
  };
  /** null: the cleanup failed on its way. What low disk space had deleted before the dump counts too. */
  readonly cleanup: { readonly kept: number | null; readonly deleted: number | null };
  readonly warnings: readonly string[];
}

export interface VerifiedBackup {
  readonly id: string;
  readonly path: string;
  readonly ok: boolean;
  readonly level: VerifyLevel;
  readonly documents: number;
  readonly seconds: number;
  readonly problems: readonly Problem[];
}

export interface VerifyJobResult {
  readonly ok: boolean;
  readonly backups: readonly VerifiedBackup[];
  readonly warnings: readonly string[];
}

/** What a person looks at before a restore. */
export type ManifestSummary = Pick<
  Manifest,
  "id" | "createdAt" | "type" | "note" | "server" | "databases" | "consistency" | "users" | "totals"
>;

/** Where a restore goes. */
export interface RestoreTarget {
  /** host:port, without any login. */
  readonly hosts: readonly string[];
  readonly databases: readonly string[];
}

/** `restore` and `rollback` without --confirm: what would be done. */
export interface PlannedRestore {
  readonly ok: true;
  readonly planned: true;
  readonly restored: false;
  readonly target: RestoreTarget;
  /** The id of the restore that would be undone; only for rollback. */
  readonly rollbackOf: string | null;
  readonly backup: string | null;
  /** What the backup says of itself; null for a stock dump, and where namespaces are only removed. */
  readonly manifest: ManifestSummary | null;
  readonly plan: RestorePlan & {
    /** The unit, or the command that stops it; null: no service is set, or none needs to stop. */
    readonly stopsService: string | null;
    readonly makesPreRestoreBackup: boolean;
    /** A rollback of what is still retained: the present is retained in turn. */
    readonly swapsBack: boolean;
    /** What the backup's files hold and no restore brings back: the server's own state in stock dumps. */
    readonly leftOut: readonly string[];
    /** Collections of the backup that were not read at its one instant (capped ones); none where it has no instant. */
    readonly outsideInstant: readonly string[];
    /** What is older than its expiry already: the server deletes it within a minute of the restore. */
    readonly expiring: readonly Expiring[];
    /** What a rollback takes away that was written since the restore; null: no rollback, or not known. */
    readonly lostSince: LostSince | null;
    readonly estimate: Estimate;
  };
  readonly warnings: readonly string[];
}

export interface RestoreResult {
  readonly ok: true;
  readonly restored: true;
  readonly restoreId: string;
  readonly target: RestoreTarget;
  /** The id of the restore that was undone; only for rollback. */
  readonly rollbackOf: string | null;
  readonly backup: string | null;
  readonly preRestoreBackup: string | null;
  readonly mode: RestoreMode;
  readonly targetWasEmpty: boolean;
  readonly collections: readonly {
    readonly namespace: string;
    /** null: not counted since the last change of it. */
    readonly documents: number | null;
    /** null: not compared. */
    readonly equal: boolean | null;
    /** How: by the hash of all documents, by their number; or the very collection that had been replaced. */
    readonly verified: Verified;
  }[];
  /** Collections that the backup did not read at its one instant (capped ones); null: not determined. */
  readonly outsideInstant: readonly string[] | null;
  /** What the backup's oplog did after the verification; null where it has none. */
  readonly oplog: Replayed | null;
  readonly serviceDownSeconds: number | null;
  /** What was live and is kept beside the restored data, under these names. */
  readonly setAside: readonly {
    readonly namespace: string;
    readonly collection: string;
    readonly documents: number | null;
    /** false: it was written to after the safety backup, and stays until somebody lets it go. */
    readonly inBackup: boolean;
    /** Documents in it that the safety backup has not, or has otherwise; null: not compared. */
    readonly lateWrites: number | null;
  }[];
  readonly rolledBack: boolean;
  readonly timings: {
    readonly verifySeconds: number;
    readonly preRestoreBackupSeconds: number;
    readonly loadSeconds: number;
    readonly proveSeconds: number;
    readonly totalSeconds: number;
  };
  readonly log: string;
  readonly warnings: readonly string[];
}

/** A collection that a restore keeps beside the live ones. */
export interface KeptCollection {
  readonly restoreId: string;
  /** The live namespace that it belongs to. */
  readonly namespace: string;
  readonly collection: string;
  readonly role: "staged" | "aside" | "returned" | "tried";
  readonly documents: number | null;
  /** Whether the safety backup holds all of it; null: not compared. */
  readonly inBackup: boolean | null;
}

/** `restore --discard-replaced`; without --confirm `planned`, and nothing was dropped. */
export interface Discarded {
  readonly ok: true;
  readonly planned: boolean;
  readonly restored: false;
  readonly backup: null;
  readonly dropAside: readonly KeptCollection[];
  readonly warnings: readonly string[];
}

export interface ListedBackup {
  readonly id: string;
  readonly path: string;
  readonly state: "good" | "unverified" | "damaged" | "unreadable" | "partial";
  readonly type: BackupType | null;
  readonly note: string | null;
  /** ISO 8601, UTC. */
  readonly createdAt: string | null;
  readonly tier: readonly TierMark[];
  readonly totals: Totals | null;
  /** Set name, or host:port. */
  readonly server: string | null;
  /** null: all, or not known. */
  readonly databases: readonly string[] | null;
  /** What --exclude left out: not the whole of its databases. */
  readonly exclude: readonly string[];
  readonly users: "included" | "not included" | null;
  /** What `latest` means with these settings. */
  readonly isLatest: boolean;
  readonly verification: {
    readonly ok: boolean;
    readonly level: VerifyLevel;
    readonly verifiedAt: string;
  } | null;
  /** The date on which cleanup will delete it; null: never, or not known. */
  readonly expiresOn: string | null;
  readonly problem: string | null;
}

export interface ListResult {
  readonly backups: readonly ListedBackup[];
}

/** `restore` without a backup: what could be restored, said to be no restore. */
export interface RestoreChoices extends ListResult {
  readonly ok: true;
  readonly planned: true;
  readonly restored: false;
  readonly backup: null;
  readonly plan: null;
}

/** One backup: what `list` has of it, and its manifest in full. */
export interface ShowResult extends ListedBackup {
  readonly ok: true;
  readonly manifest: Manifest | null;
  /** What `<id>.damaged` was to be; null for all others. */
  readonly draft: Manifest | null;
  /** What its last verification found. */
  readonly problems: readonly Problem[];
  /** What the files of a stock dump are; null for backups of mongokeep. */
  readonly contents: { readonly collections: readonly string[]; readonly hasOplog: boolean } | null;
}

/** `delete`; without --confirm `planned`, and nothing was deleted. */
export interface DeleteResult {
  readonly ok: true;
  readonly planned: boolean;
  readonly deleted: boolean;
  readonly id: string;
  readonly path: string;
  readonly freedBytes: number;
}

export interface CleanupResult {
  readonly ok: true;
  readonly dryRun: boolean;
  readonly decisions: readonly {
    readonly id: string;
    readonly action: "keep" | "delete";
    readonly reason: string;
  }[];
  readonly alerts: readonly string[];
  readonly freedBytes: number;
}

/** `diff`: what a restore of the backup would change, or what happened between two backups. */
export interface DiffResult {
  readonly ok: true;
  readonly equal: boolean;
  readonly backup: string;
  /** "live", or another backup. */
  readonly other: string;
  readonly collections: readonly ComparedCollection[];
  /** What nobody looked at, in words; names of namespaces that the backup leaves out. */
  readonly notCompared: readonly string[];
  /** Plans a restore of the collections that lost something; null: none did, or this is not about live data. */
  readonly restoreCommand: string | null;
  readonly warnings: readonly string[];
}

export type { DrillResult } from "./drill/drill-result.ts";

/** `extract`; the documents themselves went to whoever asked for them. */
export interface ExtractResult {
  readonly ok: true;
  readonly backup: string;
  readonly namespace: string;
  readonly matched: number;
  /** Every document of the collection was looked at: no limit was reached, and the reader stayed. */
  readonly isWhole: boolean;
}
