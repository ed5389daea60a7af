// Events of a running job. Only report/ and cli/ turn events into text.

export type LogLevel = "debug" | "info" | "warn" | "error";

/** A job began or finished one of its steps ("dump", "verify", "stop service"…). */
export interface StepEvent {
  readonly kind: "step";
  readonly step: string;
  readonly state: "begin" | "end";
  /** One short line for a person; no document content, no secret. */
  readonly detail?: string;
  /** With "stop-service": how a person starts it again, worded to follow "start the service:". */
  readonly startHint?: string;
  /** Description and number of a step, if the steps of a job are counted: "2/5 backing up the present data". */
  readonly title?: string;
}

/** Progress of a step. Sent at most a few times per second. */
export interface ProgressEvent {
  readonly kind: "progress";
  readonly step: string;
  readonly namespace?: string;
  readonly documents: number;
  readonly bytes: number;
  /** Expected bytes of the whole step; missing if unknown. */
  readonly totalBytes?: number;
}

/**
 * A line for the log. `code` is stable for programs, e.g. "disk-low". Lines of level warn are also in `warnings` of the
 * JSON result.
 */
export interface LogEvent {
  readonly kind: "log";
  readonly level: LogLevel;
  readonly message: string;
  readonly code?: string;
}

export type KeepEvent = StepEvent | ProgressEvent | LogEvent;
export type Emit = (event: KeepEvent) => void;

/** A warning: it is also in `warnings` of the JSON result. */
export function warn(emit: Emit, code: string, message: string): void {
  emit({ kind: "log", level: "warn", code, message });
}

export function info(emit: Emit, message: string): void {
  emit({ kind: "log", level: "info", message });
}
