// What carrying out a restore is told: the plan, and what to protect.
import type { OpenedBackup } from "../archive/reader.ts";
import type { RestorePlan } from "../restore/plan.ts";

export interface RestoreOrder {
  /** null where the plan only removes namespaces. */
  readonly backup: OpenedBackup | null;
  readonly plan: RestorePlan;
  readonly rollbackOf: string | null;
  readonly skipPreBackup: boolean;
  readonly useService: boolean;
  /** The namespaces to protect; null: all of the target databases. */
  readonly protectOnly: readonly string[] | null;
}
