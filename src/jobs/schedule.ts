// The nightly run and the drills: settings and place → what is installed in cron or systemd.
import { resolve } from "node:path";
import { KeepError } from "../errors.ts";
import {
  installDrills,
  installSchedule,
  readSchedule,
  removeSchedule,
} from "../schedule/schedule.ts";
import type {
  DrillSchedule,
  ScheduleKind,
  SchedulePlace,
  ScheduleState,
} from "../schedule/schedule.ts";
import type { JobContext } from "./context.ts";

export const NIGHTLY_AT = "0 2 * * *";
/** Monthly. */
export const DRILL_AT = "0 4 1 * *";

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

/** `drill --schedule` */
export type ScheduledDrill = DrillSchedule & { readonly ok: true; readonly scheduled: true };

export async function installNightly(
  context: JobContext,
  place: Place,
  request: InstallRequest,
): Promise<ScheduleResult> {
  return { ok: true, ...(await installSchedule(fullRequest(context, place, request))) };
}

export async function installDrillSchedule(
  context: JobContext,
  place: Place,
  request: Omit<InstallRequest, "statusAlert">,
): Promise<ScheduledDrill> {
  const { drill } = await installDrills(fullRequest(context, place, request));
  if (!drill) throw new KeepError("failed", "the drill is not in the schedule after it was put there"); // prettier-ignore
  return { ok: true, scheduled: true, ...drill };
}

function fullRequest<R extends object>(context: JobContext, place: Place, request: R) {
  const { envFile } = context.settings;
  const elsewhere = envFile !== null && envFile !== resolve(place.project, ".env");
  return { ...fullPlace(context, place), ...request, envFile: elsewhere ? envFile : null };
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
