// What a check of `doctor` is and says. Types and small makers.
import type { JobContext } from "../context.ts";
import type { Place } from "../schedule.ts";

export interface Check {
  readonly name: string;
  readonly state: "ok" | "warn" | "fail";
  readonly message: string;
  /** How to mend it; empty where nothing needs to be. */
  readonly hint: string;
}

export interface DoctorContext {
  readonly job: JobContext;
  readonly place: Place;
}

/** Answers with what it found; what it throws becomes a check that failed. */
export type Examine = (context: DoctorContext) => Promise<readonly Check[]>;

export const ok = (name: string, message: string): Check => ({
  ...{ name, state: "ok", message, hint: "" },
});
export const warn = (name: string, message: string, hint: string): Check => ({
  ...{ name, state: "warn", message, hint },
});
export const fail = (name: string, message: string, hint: string): Check => ({
  ...{ name, state: "fail", message, hint },
});
