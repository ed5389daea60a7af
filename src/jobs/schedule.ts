// The nightly run: settings and place → what is installed in cron or systemd.
import { resolve } from "node:path";
import { installSchedule, readSchedule, removeSchedule } from "../schedule/schedule.ts";
import type { ScheduleKind, SchedulePlace, ScheduleState } from "../schedule/schedule.ts";
import type { JobContext } from "./context.ts";

export const NIGHTLY_AT = "0 2 * * *";

export type Place = Pick<SchedulePlace, "project" | "home" | "programs">;

export interface InstallRequest {
  readonly kind: ScheduleKind;
  readonly at: string;
  /** The Node and the file of mongokeep that the schedule runs. */
  readonly node: string;
  readonly script: string;
  readonly statusAlert: boolean;
}

export type ScheduleResult = ScheduleState & { readonly ok: true };
export interface UnscheduleResult {
  readonly ok: true;
  readonly removed: readonly ScheduleKind[];
}

export async function installNightly(
  context: JobContext,
  place: Place,
  request: InstallRequest,
): Promise<ScheduleResult> {
  const { envFile } = context.settings;
  const elsewhere = envFile !== null && envFile !== resolve(place.project, ".env");
  const installed = await installSchedule({
    ...fullPlace(context, place),
    ...request,
    envFile: elsewhere ? envFile : null,
  });
  return { ok: true, ...installed };
}

export async function removeNightly(context: JobContext, place: Place): Promise<UnscheduleResult> {
  return { ok: true, ...(await removeSchedule(fullPlace(context, place))) };
}

export async function readNightly(context: JobContext, place: Place): Promise<ScheduleResult> {
  return { ok: true, ...(await readSchedule(fullPlace(context, place))) };
}

function fullPlace({ settings, clock }: JobContext, place: Place): SchedulePlace {
  const { logFile, timezone } = settings;
  return { ...place, logFile, timezone, nowMs: clock.now() };
}
