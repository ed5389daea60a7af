// A collection that a staged restore retains, and what is needed to compare it. Types only.
import type { OpenedBackup } from "../../../archive/opened.ts";
import type { RestoreRecord } from "../../../restore/record/record.ts";
import type { SwapItem } from "../../../restore/swap/swap-plan.ts";
import type { Expected, Since } from "../plan/order.ts";

export interface Retained {
  readonly namespace: string;
  /** The name under which it is kept, in the same database. */
  readonly collection: string;
  /** null: it could not be read. */
  readonly documents: number | null;
  /** Whether the safety backup holds all of it. */
  readonly inBackup: boolean;
  /** Documents in it that this backup has not, or has otherwise; null: not compared. */
  readonly lateWrites: number | null;
}

export interface ToCompare {
  readonly record: RestoreRecord;
  readonly items: readonly SwapItem[];
  /** What was there before the restore, as far as a backup holds it. */
  readonly expected: Expected;
  /** That backup; null: there is none, or it is not one backup alone. */
  readonly before: OpenedBackup | null;
  /** For rollbacks: when it was as expected, and nobody need read it if nothing was written to it since. */
  readonly since: Since | null;
}
