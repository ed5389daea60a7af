// The order to carry out a restore or a rollback: the plan, what is loaded, and what the safety backup is of.
import type { OpenedBackup } from "../../../archive/opened.ts";
import type { LoaderFactory } from "../../../restore/load/load.ts";
import type { StoredRequest } from "../../../restore/record/request.ts";
import type { StoredRecord } from "../../../restore/record/record.ts";
import type { ClusterTime } from "../../../mongo/server-info.ts";
import type { Placed } from "../../../restore/plan/placed.ts";
import type { JobContext } from "../../context.ts";
import type { RestorePlan } from "../../../restore/plan/plan.ts";
import type { SwapItem } from "../../../restore/swap/swap-plan.ts";

export interface RestoreOrder {
  /** null where the plan only removes namespaces. */
  readonly backup: OpenedBackup | null;
  readonly plan: RestorePlan;
  /** What the rehearsal tries before anything changes; absent where an order is only described. */
  readonly placed?: readonly Placed[];
  readonly rollbackOf: string | null;
  /** The restore of that id, where the plan is to say what was written since. */
  readonly undone?: StoredRecord;
  /** An interrupted restore left the service stopped: it is started at the end. */
  readonly leftStopped?: boolean;
  /** A restore before it broke: until this one is done, live data is between two states. */
  readonly startsBetween?: boolean;
  /** Chosen already where names were made from it. */
  readonly restoreId?: string;
  /** What was asked for, for `restore --resume`; absent for rollbacks. */
  readonly request?: StoredRequest;
  /** For a rollback whose data is still retained: nothing is loaded, the names are swapped. */
  readonly swapBack?: SwapBack;
  readonly skipPreBackup: boolean;
  readonly useService: boolean;
  /** The namespaces to protect; null: all of the target databases. */
  readonly protectOnly: readonly string[] | null;
  /** How the backup's documents are loaded; absent: our own way, as for all that puts an old state back. */
  readonly createLoader?: LoaderFactory;
}

export interface SwapBack {
  readonly items: readonly SwapItem[];
  /** The backup with the users and roles from before; null: none come back. */
  readonly accounts: OpenedBackup | null;
  /** What is replaced now, if nothing was written to it since it was restored. */
  readonly expected: Expected;
  /** From when on, with the UUIDs of what was restored then; null: it is not known. */
  readonly since: Since | null;
}

/** When collections held what is expected of them. */
export interface Since {
  readonly time: ClusterTime;
  /** By namespace, hex: what else bears the name by now is something else. */
  readonly uuids: ReadonlyMap<string, string>;
}

/** Per namespace what a backup holds of it. */
export type Expected = ReadonlyMap<
  string,
  { readonly documents: number | null; readonly contentHash: string | null }
>;

/** Where users and roles come from; null: none do. */
export const accountsOf = ({ swapBack, backup }: RestoreOrder): OpenedBackup | null =>
  swapBack ? swapBack.accounts : backup;

/** Call before anything is done, and before a plan is shown. @throws KeepError bad-setting: it does not exist */
export async function requireService({ service, signal }: JobContext, order: RestoreOrder) {
  if (concernsService(order)) await service?.assertExists(signal);
}

/** The service stops where something live is replaced, and starts where a interrupted restore left it stopped. */
export function concernsService({
  useService,
  leftStopped,
  plan,
}: Pick<RestoreOrder, "useService" | "leftStopped" | "plan">): boolean {
  return useService && (leftStopped === true || !plan.targetWasEmpty);
}
