// Whether the user may restore what there is now, as if all of it were to be replaced.
import type { Deployment } from "../../mongo/deployment.ts";
import { readAuthority, STAGING_ACTIONS } from "../../mongo/privileges.ts";
import type { Authority } from "../../mongo/privileges.ts";
import type { NamespaceInfo } from "../../mongo/namespaces.ts";
import {
  grantHint,
  inWords,
  lackingOf,
  needsOfAccounts,
  needsOfStaging,
  stagedDatabases,
} from "../../restore/plan/needs.ts";
import { placedOf } from "../../restore/plan/placed.ts";
import { planRestore } from "../../restore/plan/plan.ts";
import type { RestorePlan } from "../../restore/plan/plan.ts";
import type { JobContext } from "../context.ts";
import { lackingToPlace } from "../restore/plan/rights.ts";
import { isServersOwn } from "../restore/plan/sources.ts";
import type { Check } from "./check.ts";
import { ok, warn } from "./check.ts";

export interface Present {
  readonly databases: readonly string[];
  readonly namespaces: readonly NamespaceInfo[];
}

export async function restoreRights(
  job: JobContext,
  deployment: Deployment,
  { databases, namespaces }: Present,
): Promise<Check[]> {
  if (deployment.isLookalike) return [];
  const { settings } = job;
  const user = userOf(job);
  const authority = await readAuthority(deployment.client);
  const restored = namespaces.filter((one) => !isServersOwn(one));
  const staged = planOf(restored, "staged");
  const slow = deployment.server.topology === "sharded" ? [] : tellInPlace(user, authority, staged);
  const plan = slow.length > 0 ? planOf(restored, "in-place") : staged;
  const ways = new Map(plan.collections.map((c) => [c.namespace, c.way]));
  const placed = restored.map(placedOf).filter((one) => ways.get(one.namespace) !== "swap");
  const refused = lackingToPlace(authority, placed, plan);
  const lacking = refused ? refused.lacking : lackingOf(authority, needsOfStaging(plan));
  if (lacking.length > 0) {
    const message = `a restore would be refused: ${user.name} lacks ${lacking.map(inWords).join("; ")}`;
    return [warn("rights", message, `${grantHint(lacking)}${user.otherwise}`)];
  }
  const said = ok("rights", `for restores: ${user.name} may replace all of them`);
  return [
    said,
    ...slow,
    ...tellAccounts(user, authority, settings.databases ? databases : ["admin"]),
  ];
}

interface RestoringUser {
  readonly name: string;
  /** What else can be done than to grant it more. */
  readonly otherwise: string;
}

/** One login for all may do less than a restore needs on purpose: the nightly run has it. */
function userOf({ connectForRestore }: JobContext): RestoringUser {
  return connectForRestore
    ? { name: "the user of MONGOKEEP_RESTORE_URI", otherwise: "" }
    : {
        name: "the user",
        otherwise: " Or leave it the rights for backups alone, and name a second user, for restores, in MONGOKEEP_RESTORE_URI (mongokeep init --restore-user sets it up).",
      }; // prettier-ignore
}

const UNKNOWN = { documents: null, rawBytes: null, contentHash: null, indexes: null } as const;
const SIZELESS = { bytes: null, diskBytes: null, newestId: null, indexes: 0 } as const;

function planOf(namespaces: readonly NamespaceInfo[], mode: RestorePlan["mode"]): RestorePlan {
  const names = namespaces.map(({ database, name, type }) => ({ database, name, type }));
  const source = names.map((one) => ({ ...one, ...UNKNOWN }));
  const live = names.map((one) => ({ ...one, ...SIZELESS, documents: null }));
  return planRestore({ backup: null, mode, source, live });
}

/** Without these a restore is in place, and the service down for as long as it loads. */
function tellInPlace(user: RestoringUser, authority: Authority, plan: RestorePlan): Check[] {
  const needs = stagedDatabases(plan).map((database) => {
    return { database, name: "", actions: STAGING_ACTIONS };
  });
  const lacking = lackingOf(authority, needs);
  if (lacking.length === 0) return [];
  const message = `a restore would stop the service until all is loaded: ${user.name} lacks ${lacking.map(inWords).join("; ")}`;
  const hint = `${grantHint(lacking)} Then a restore only swaps names.${user.otherwise}`;
  return [warn("rights", message, hint)];
}

function tellAccounts(
  user: RestoringUser,
  authority: Authority,
  databases: readonly string[],
): Check[] {
  const lacking = lackingOf(authority, databases.flatMap(needsOfAccounts));
  if (lacking.length === 0) return [];
  const message = `a restore would leave out users and roles: ${user.name} lacks ${lacking.map(inWords).join("; ")}`;
  return [warn("rights", message, `${grantHint(lacking)}${user.otherwise}`)];
}
