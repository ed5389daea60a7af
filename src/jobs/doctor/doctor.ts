// Every check of `doctor`. One that fails hides none of the others.
import { toKeepError } from "../../errors.ts";
import { alerts } from "./alerts.ts";
import type { Check, DoctorContext, Examine } from "./check.ts";
import { fail } from "./check.ts";
import { disk } from "./disk.ts";
import { git } from "./git.ts";
import { permissions } from "./permissions.ts";
import { schedule } from "./schedule.ts";
import { server } from "./server.ts";
import { service } from "./service.ts";
import { settings } from "./settings.ts";
import { tempFolder } from "./temp-folder.ts";
import { tools } from "./tools.ts";

export interface DoctorResult {
  /** false: at least one check failed (exit 1). */
  readonly ok: boolean;
  readonly checks: readonly Check[];
}

const CHECKS: readonly (readonly [string, Examine])[] = [
  ["settings", settings],
  ["tools", tools],
  ["server", server],
  ["disk", disk],
  ["permissions", permissions],
  ["temporary folder", tempFolder],
  ["git", git],
  ["schedule", schedule],
  ["service", service],
  ["alerts", alerts],
];

/** Checks all; sends and changes nothing. */
export async function examine(context: DoctorContext): Promise<DoctorResult> {
  const checks: Check[] = [];
  // One after the other: what they say is read in this order, and a server is not asked twice at once.
  for (const [name, check] of CHECKS) {
    context.job.signal.throwIfAborted();
    checks.push(...(await check(context).catch((error: unknown) => [failed(name, error)])));
  }
  context.job.signal.throwIfAborted();
  return { ok: checks.every(({ state }) => state !== "fail"), checks };
}

function failed(name: string, error: unknown): Check {
  const { message, hint } = toKeepError(error);
  return fail(name, message, hint);
}
