// What a running job tells the world: types only. Only report/ and cli/ turn events into text.

export type LogLevel = "debug" | "info" | "warn" | "error";

/** A job began or finished one of its steps ("dump", "verify", "stop service"…). */
export interface StepEvent {
  readonly kind: "step";
  readonly step: string;
  readonly state: "begin" | "end";
  /** One short line for a person; no document content, no secret. */
  readonly detail?: string;
  /** With "stop-service": how a person starts it again, after "start the service:". */
  readonly startHint?: string;
  /** What it does and which one it is, where the steps of a job are counted: "2/5 backing up what is there now". */
  readonly title?: string;
}

/** How far a step is. Sent at most some times a second. */
export interface ProgressEvent {
  readonly kind: "progress";
  readonly step: string;
  readonly namespace?: string;
  readonly documents: number;
  readonly bytes: number;
  /** Expected bytes of the whole step; absent where unknown. */
  readonly totalBytes?: number;
}

/** A line for the log. `code` is stable for programs, e.g. "disk-low". Level warn ends up in `warnings` of the JSON result. */
export interface LogEvent {
  readonly kind: "log";
  readonly level: LogLevel;
  readonly message: string;
  readonly code?: string;
}

export type KeepEvent = StepEvent | ProgressEvent | LogEvent;
export type Emit = (event: KeepEvent) => void;
