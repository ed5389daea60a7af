// After the settings are written: check them, make the first backup, install the nightly run.
import { listCatalog } from "../../archive/catalog.ts";
import { chooseLatest } from "../../archive/resolve.ts";
import { toKeepError } from "../../errors.ts";
import { runBackup } from "../backup/backup.ts";
import type { JobContext } from "../context.ts";
import { examine } from "../doctor/doctor.ts";
import type { DoctorResult } from "../doctor/doctor.ts";
import type { BackupResult } from "../results.ts";
import { installNightly, readNightly } from "../schedule.ts";
import type { InstallRequest, Place, ScheduleResult } from "../schedule.ts";
import { findNotes } from "../status/status-notes.ts";
import type { FirstBackup, InitResult } from "./result.ts";

export interface FirstRun {
  readonly place: Place;
  readonly doctor: boolean;
  readonly backup: boolean;
  /** null: no schedule. */
  readonly schedule: InstallRequest | null;
  /** Each job with its alerts (compose.ts). */
  readonly run: {
    doctor(job: (context: JobContext) => Promise<DoctorResult>): Promise<DoctorResult>;
    backup(job: (context: JobContext) => Promise<BackupResult>): Promise<BackupResult>;
  };
}

type Done = Pick<InitResult, "ok" | "doctor" | "backup" | "schedule" | "scheduleProblem" | "warnings">; // prettier-ignore

/** Goes on as long as nothing fails. @throws KeepError what a backup throws */
export async function runFirst(context: JobContext, wanted: FirstRun): Promise<Done> {
  const { place, run } = wanted;
  const notes = await findNotes(context.settings, null);
  const warnings = notes.map(({ message, hint }) => `${message}. ${hint}`);
  const doctor = wanted.doctor ? await run.doctor((job) => examine({ job, place })) : null;
  const nothing = { backup: null, schedule: null, scheduleProblem: null, warnings };
  if (doctor?.ok === false) return { ok: false, doctor, ...nothing };
  const backup = wanted.backup ? await firstBackup(context, wanted) : null;
  try {
    const schedule = wanted.schedule && (await nightly(context, place, wanted.schedule));
    return { ok: true, doctor, ...nothing, backup, schedule };
  } catch (error) {
    context.signal.throwIfAborted();
    const { message, hint } = toKeepError(error);
    return { ok: false, doctor, ...nothing, backup, scheduleProblem: `${message}. ${hint}` };
  }
}

/** Run again, `init` makes no second one: that is what `backup` is for. */
async function firstBackup(
  { settings, clock, place }: JobContext,
  { run }: FirstRun,
): Promise<FirstBackup> {
  const { hosts, databases, backupDir } = settings;
  const entries = await listCatalog(backupDir, place);
  const last = chooseLatest(entries, { hosts, databases, exclude: [] }, clock.now());
  if (last) return { id: last.id, made: false, documents: last.manifest?.totals.documents ?? 0 };
  const request = { manual: false, note: null, databases: null, exclude: [], compression: null, engine: null }; // prettier-ignore
  const { id, totals } = await run.backup((job) => runBackup(job, request));
  return { id, made: true, documents: totals.documents };
}

async function nightly(
  context: JobContext,
  place: Place,
  request: InstallRequest,
): Promise<ScheduleResult> {
  const before = await readNightly(context, place);
  return before.installed ? before : await installNightly(context, place, request);
}
