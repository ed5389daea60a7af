// What the record of one restore holds: the folder `restores/<id>/` with plan.json, swap.json (staged restores),
// journal.jsonl and restore.log.
import type { ClusterTime } from "../../mongo/server-info.ts";
import type { RestorePlan } from "../plan/plan.ts";
import type { SwapItem } from "../swap/swap-plan.ts";
import type { StoredRequest } from "./request.ts";

export const STEPS = [
  "verify",
  "stop-service",
  "protect",
  "stage",
  "live-change",
  "swap",
  "swap-back",
  "drop",
  "create",
  "load",
  "index",
  "prove",
  "replay",
  "expire",
  "users",
  "undo",
  "aside",
  "start-service",
  "end",
] as const;
export type Step = (typeof STEPS)[number];

export interface JournalEntry {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly step: Step;
  readonly state: "begin" | "done" | "failed";
  readonly namespace?: string;
  /** `protect`: the id of the safety backup, or null where there was nothing to protect. */
  readonly backup?: string | null;
  readonly message?: string;
  /** `protect`: only of what is handled in place, right before it is. */
  readonly scope?: "in-place";
  /** `aside`: what was retained of a namespace. */
  readonly aside?: RetainedFacts;
  /** `prove`: what was found in what was staged. */
  readonly proved?: { readonly documents: number; readonly contentHash: string };
  /** `stage`: what expires of what was staged; absent in records of earlier versions. */
  readonly expiring?: readonly RecordedExpiry[];
  /** `live-change`: the server's newest entry right before, where it has an oplog. */
  readonly time?: ClusterTime;
  /** `end`: what was measured, for the estimates of later plans. */
  readonly rate?: { readonly rawBytes: number; readonly loadSeconds: number };
}

/** A collection of which documents expire, with its definitions: raw BSON in base64. */
export interface RecordedExpiry {
  readonly namespace: string;
  readonly options: string;
  readonly indexes: readonly string[];
}

export interface RetainedFacts {
  readonly collection: string;
  readonly documents: number | null;
  /** Whether the safety backup holds all of it: nothing was written to it afterwards. */
  readonly inBackup: boolean;
  /** What was verified to be in that backup; null where it was not. */
  readonly contentHash?: string | null;
  readonly lateWrites: number | null;
}

/** What plan.json holds. */
export interface RecordedPlan {
  readonly schema: 1;
  readonly id: string;
  readonly createdAt: string;
  /** The restore that this one undoes; null for a restore of its own. */
  readonly rollbackOf: string | null;
  readonly plan: RestorePlan;
  /** What was asked for, so that it can be run again; absent in records of rollbacks. */
  readonly request?: StoredRequest;
}

export type RestoreState =
  /** Ended or was interrupted before anything live was changed. */
  | "untouched"
  /** Interrupted, or failed, after the first live change: needs a rollback. */
  | "broken"
  /** The data is as planned, but it was interrupted before its last steps: the service, expiry. */
  | "unfinished"
  | "finished"
  /** Failed, and put back by itself. */
  | "undone"
  /** Taken back by a later rollback. */
  | "rolled-back";

export interface RestoreRecord {
  readonly id: string;
  readonly path: string;
  readonly recorded: RecordedPlan;
  /** Appends to the journal; on disk when it resolves. */
  journal(entry: Omit<JournalEntry, "at">): Promise<void>;
  /** The same without waiting for the disk: for what the next look at the server tells as well. */
  note(entry: Omit<JournalEntry, "at">): Promise<void>;
  /** Appends a line to restore.log, and lines that belong to it; nothing in them can look like another line. */
  log(line: string, more?: readonly string[]): Promise<void>;
  /** Writes swap.json: before the first rename. */
  writeSwap(items: readonly SwapItem[]): Promise<void>;
  close(): Promise<void>;
}

export interface StoredRecord {
  readonly id: string;
  readonly path: string;
  readonly recorded: RecordedPlan;
  readonly entries: readonly JournalEntry[];
  /** null: nothing was to be swapped, or it did not come to that. */
  readonly swap: readonly SwapItem[] | null;
  readonly state: RestoreState;
}
