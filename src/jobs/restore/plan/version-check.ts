// Whether the server can take the backup: a plan warns, and the restore is refused before anything changes.
import { warn } from "../../../events.ts";
import type { OpenedBackup } from "../../../archive/opened.ts";
import type { ServerInfo } from "../../../mongo/server-info.ts";
import type { RestorePlan } from "../../../restore/plan/plan.ts";
import { strangeFieldsOf } from "../../../restore/plan/strange-fields.ts";
import { findMisfits, misfitError, withMetadata } from "../../../restore/plan/version-guard.ts";
import type { GuardedCollection } from "../../../restore/plan/version-guard.ts";
import type { JobContext } from "../../context.ts";

export interface VersionRequest {
  readonly backup: OpenedBackup;
  readonly plan: RestorePlan;
  readonly confirm: boolean;
  readonly forceVersion?: boolean;
}

/** A plan warns; doing it is refused unless forced. @throws KeepError unfit-server */
export async function checkVersion(
  context: Pick<JobContext, "emit">,
  server: ServerInfo,
  { backup, plan, confirm, forceVersion = false }: VersionRequest,
): Promise<void> {
  const planned = await withMetadata(backup, plan);
  warnOfLeftOut(context, planned);
  const misfits = findMisfits(backup.manifest?.server ?? null, server, planned);
  const [first, ...others] = misfits;
  if (!first) return;
  if (confirm && !forceVersion) throw misfitError([first, ...others]);
  for (const { problem, hint } of misfits) {
    const message = forceVersion ? problem : `${problem}: --confirm will refuse (${hint})`;
    warn(context.emit, "unfit-server", message);
  }
}

/** Options that mean nothing any more, each with the collections that have it. */
function warnOfLeftOut(
  { emit }: Pick<JobContext, "emit">,
  planned: readonly GuardedCollection[],
): void {
  const byName = new Map<string, string[]>();
  for (const { namespace, metadata } of planned)
    for (const name of metadata === null ? [] : strangeFieldsOf(metadata).leftOut)
      byName.set(name, [...(byName.get(name) ?? []), namespace]);
  for (const [name, [first = "", ...others]] of byName) {
    const more = others.length > 0 ? ` and ${others.length} more` : "";
    const message = `the option ${JSON.stringify(name)} of ${first}${more} is left out: it means nothing to this server`;
    warn(emit, "option-left-out", message);
  }
}
