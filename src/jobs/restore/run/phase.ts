// What the phases of a restore share. What must stay true: a phase can be done again where a crash cut it short, and
// undone from wherever it stopped, with nothing but the record and a look at the server.
import type { Deployment } from "../../../mongo/deployment.ts";
import type { ReadyInPlace, RestoreOutcome } from "../../../restore/load/in-place.ts";
import type { VerifiedCollection } from "../../../restore/load/read-back.ts";
import type { RestoreRecord, RestoreState } from "../../../restore/record/record.ts";
import type { Defined } from "../../../restore/restore-context.ts";
import type { Staging } from "../../../restore/swap/staged.ts";
import type { SwapItem } from "../../../restore/swap/swap-plan.ts";
import type { JobContext } from "../../context.ts";
import type { RestoreOrder } from "../plan/order.ts";

export interface Phase {
  /** Does what can fail before live data changes. Called for all phases before the first `do` within the window. */
  prepare?(restore: Transaction): Promise<void>;
  do(restore: Transaction): Promise<void>;
  /** Uses a connection and a signal of its own: the run may have been interrupted. */
  undo(restore: Transaction): Promise<void>;
}

/** A restore under way. */
export interface Transaction {
  readonly context: JobContext;
  readonly deployment: Deployment;
  readonly record: RestoreRecord;
  readonly order: RestoreOrder;
  /** Where it begins: at the start, or at what the journal of an interrupted restore says. */
  readonly at: "start" | RestoreState;
  /** What its phases have found so far, or what its record says they had found. */
  readonly found: Found;
}

export interface Found {
  /** Whether live data may have changed. */
  isLive: boolean;
  /** The id of the safety backup, with the users and roles from before; null: there is none. */
  safetyBackup: string | null;
  safetyBackupSeconds: number;
  /** The id of the backup of what is replaced in place; null: there is none. */
  inPlaceBackup: string | null;
  /** null: an earlier run staged it. */
  staging: Staging | null;
  /** Which of the collections that an earlier run staged expire; null: its record does not say. */
  expiring: readonly Defined[] | null;
  items: readonly SwapItem[];
  /** The views that the cutover made. */
  views: readonly VerifiedCollection[];
  ready: ReadyInPlace | null;
  /** Whether this run began to merge users and roles. */
  hasMerged: boolean;
  /** What was loaded in place; after an undo, what was loaded back. */
  inPlace: RestoreOutcome | null;
}

const NOTHING_STAGED: Staging = {
  work: [],
  proved: new Map(),
  loadSeconds: 0,
  proveSeconds: 0,
  replayed: null,
};

export function nothingFound(): Found {
  return {
    isLive: false,
    safetyBackup: null,
    safetyBackupSeconds: 0,
    inPlaceBackup: null,
    staging: NOTHING_STAGED,
    expiring: null,
    items: [],
    views: [],
    ready: null,
    hasMerged: false,
    inPlace: null,
  };
}
