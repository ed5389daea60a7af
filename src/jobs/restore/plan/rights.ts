// Whether the account may do all that a restore is about to do, undo it included. Asked while a plan is made,
// so that a plan that is shown can be carried out. What must stay true: nothing live has changed yet.
import { warn } from "../../../events.ts";
import type { OpenedBackup } from "../../../archive/opened.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { readAuthority } from "../../../mongo/privileges.ts";
import type { Authority, Need } from "../../../mongo/privileges.ts";
import {
  grantHint,
  inWords,
  lackingOf,
  needsOf,
  needsOfAccounts,
  needsOfStaging,
  needsOfTrial,
  rightsMissing,
} from "../../../restore/plan/needs.ts";
import { listPlaced } from "../../../restore/plan/placed.ts";
import type { Placed } from "../../../restore/plan/placed.ts";
import type { RestorePlan } from "../../../restore/plan/plan.ts";
import type { JobContext } from "../../context.ts";

export interface Intended {
  /** What is loaded; null: nothing is. */
  readonly backup: OpenedBackup | null;
  readonly plan: RestorePlan;
}

export interface Permitted {
  readonly plan: RestorePlan;
  /** What it makes in place, and what an undo would make again: the rehearsal tries it. */
  readonly placed: readonly Placed[];
}

/**
 * The plan as the account may carry it out: without users and roles where it may not merge them, which is said.
 * @throws KeepError rights-missing
 */
export async function withinRights(
  context: Pick<JobContext, "emit" | "signal">,
  deployment: Deployment,
  { backup, plan }: Intended,
): Promise<Permitted> {
  const placed = await listPlaced(deployment, backup, plan, context.signal);
  // What only resembles MongoDB need not have its rights.
  if (deployment.isLookalike) return { plan, placed };
  const authority = await readAuthority(deployment.client);
  assertMayPlace(authority, placed, plan);
  const [first, ...others] = lackingOf(authority, needsOfStaging(plan));
  if (first) throw rightsMissing(first.database, [first, ...others]);
  return { plan: withinAccountRights(context, authority, plan), placed };
}

function assertMayPlace(authority: Authority, placed: readonly Placed[], plan: RestorePlan): void {
  const refused = lackingToPlace(authority, placed, plan);
  if (refused) throw rightsMissing(refused.namespace, refused.lacking);
}

/**
 * What is lacking for the first namespace that cannot be made, and then for all others, so that a person grants
 * rights but once; null where nothing is.
 */
export function lackingToPlace(
  authority: Authority,
  placed: readonly Placed[],
  plan: RestorePlan,
): { readonly namespace: string; readonly lacking: readonly Need[] } | null {
  const made = (one: Placed) => needsOf(one, { replays: plan.oplog !== null });
  for (const needs of [made, needsOfTrial]) {
    const first = placed.find((one) => lackingOf(authority, needs(one)).length > 0);
    if (!first) continue;
    const lacking = lackingOf(authority, [first, ...placed].flatMap(needs));
    return { namespace: first.namespace, lacking };
  }
  return null;
}

function withinAccountRights(
  { emit }: Pick<JobContext, "emit">,
  authority: Authority,
  plan: RestorePlan,
): RestorePlan {
  if (plan.usersOf.length === 0) return plan;
  const lacking = lackingOf(authority, plan.usersOf.flatMap(needsOfAccounts));
  if (lacking.length === 0) return plan;
  warn(
    emit,
    "users-not-restored",
    `users and roles are not restored: the user lacks ${lacking.map(inWords).join("; ")} (${grantHint(lacking)})`,
  );
  return { ...plan, usersOf: [] };
}
