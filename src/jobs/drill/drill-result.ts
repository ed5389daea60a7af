// What a drill found: the same object in the result, in report.json and in report.html. Types only.
import type { CollectionType } from "../../archive/manifest.ts";
import type { Problem } from "../../archive/verification.ts";
import type { CheckResult } from "../../verify/run-checks.ts";

export interface DrilledCollection {
  readonly namespace: string;
  readonly type: CollectionType;
  /** In buckets for a time series. */
  readonly documents: { readonly backup: number | null; readonly restored: number | null };
  /** What the manifest promises of all documents together; null: a stock dump, or a view. */
  readonly contentHash: string | null;
  /**
   * Every document, byte for byte. `replayed`: proved when it was loaded, and changed by the backup's oplog since,
   * which took every entry; what it is then nothing in the backup says.
   */
  readonly content: "equal" | "differs" | "replayed";
  /** `without-expiry`: equal but for what expires, which this server was not given. */
  readonly indexes: Compared;
  readonly options: Compared;
  readonly equal: boolean;
}

export type Compared = "equal" | "differs" | "unknown" | "without-expiry";

export interface DrillServer {
  /** `own`: a mongod that was started for the drill. */
  readonly kind: "own" | "DRILL_MONGODB_URI";
  readonly version: string;
  readonly topology: string;
  readonly featureCompatibilityVersion: string | null;
  /** Path of the program; null where the server was there before. */
  readonly binary: string | null;
}

export interface DrillTimings {
  readonly verifySeconds: number;
  readonly startSeconds: number;
  /** Load, indexes, and the first proof. */
  readonly restoreSeconds: number;
  readonly compareSeconds: number;
  readonly checkSeconds: number;
  readonly totalSeconds: number;
}

/** The backup that was drilled, as it says of itself. */
export interface DrilledBackup {
  /** The id; for a stock dump its path. */
  readonly id: string;
  readonly path: string;
  /** ISO 8601, UTC; null: a stock dump does not say. */
  readonly createdAt: string | null;
  readonly type: string | null;
  readonly serverVersion: string | null;
  /** Where it comes from and what of it, as its manifest says. */
  readonly scope: { readonly hosts: readonly string[]; readonly databases: readonly string[] | null } | null; // prettier-ignore
}

export interface DrillReport {
  readonly schema: 1;
  readonly id: string;
  readonly ok: boolean;
  readonly tool: { readonly name: "mongokeep"; readonly version: string };
  /** Name of the machine that the drill ran on. */
  readonly host: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly backup: DrilledBackup;
  /** null: it did not come to that, for the files are damaged. */
  readonly server: DrillServer | null;
  readonly timings: DrillTimings;
  readonly collections: readonly DrilledCollection[];
  readonly accounts: "restored" | "none in the backup" | "not tried";
  readonly checks: readonly CheckResult[];
  /** Of the files, of the restore, and of the comparison. */
  readonly problems: readonly Problem[];
  readonly warnings: readonly string[];
}

export interface DrillResult {
  readonly ok: boolean;
  readonly drillId: string;
  readonly backup: string;
  readonly level: "drill";
  readonly seconds: number;
  readonly collections: readonly DrilledCollection[];
  readonly checks: DrillReport["checks"];
  readonly problems: readonly Problem[];
  /** Path of report.html; report.json lies beside it. */
  readonly report: string;
  readonly warnings: readonly string[];
}
