// What `mongokeep init` was asked for, and what it did. Types only.
import type { DoctorResult } from "../doctor/doctor.ts";
import type { BackupResult } from "../results.ts";
import type { ScheduleResult } from "../schedule.ts";

/** What is to be set; null: it stays as it is. */
export interface InitAnswers {
  /** The connection for backups, login included. */
  readonly uri: string | null;
  readonly restoreUri: string | null;
  readonly database: string | null;
  readonly folder: string | null;
  readonly timezone: string | null;
  readonly service: string | null;
  readonly alertCommand: string | null;
  readonly alertWebhookUrl: string | null;
  readonly alertPingUrl: string | null;
}

export interface InitResult {
  /** false: doctor found a failure, or the schedule could not be installed. */
  readonly ok: boolean;
  readonly envFile: string;
  /** Names of the settings that were added or changed. */
  readonly changed: readonly string[];
  /** null: skipped. */
  readonly doctor: DoctorResult | null;
  /** null: skipped, or not reached. */
  readonly backup: FirstBackup | null;
  readonly schedule: ScheduleResult | null;
  /** Why no schedule was installed. */
  readonly scheduleProblem: string | null;
  readonly warnings: readonly string[];
}

export interface FirstBackup {
  readonly id: string;
  /** false: there was one already. */
  readonly made: boolean;
  readonly documents: BackupResult["totals"]["documents"];
}
