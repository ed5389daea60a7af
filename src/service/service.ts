// The service that writes to the database: stopped while a restore replaces live data, and started again.

/** How it is controlled; the settings of config/ have this shape. */
export type ServiceChoice =
  | { readonly kind: "none" }
  | ({ readonly kind: "systemd" } & SystemdChoice)
  | ({ readonly kind: "commands" } & CommandChoice);

export interface SystemdChoice {
  readonly unit: string;
  readonly check: string | null;
}

export interface CommandChoice {
  readonly stop: string;
  readonly start: string;
  readonly check: string | null;
}

export interface Service {
  /** Call before anything is changed. @throws KeepError bad-setting (exit 2) where it cannot exist: an unknown unit */
  assertExists(signal: AbortSignal): Promise<void>;
  /** null where it cannot be known: commands without SERVICE_CHECK. */
  isRunning(signal: AbortSignal): Promise<boolean | null>;
  /** Returns once it is stopped. @throws KeepError failed; it may run or not then, so start it */
  stop(signal: AbortSignal): Promise<void>;
  /** Not abortable: it must come up again in every case. May be called when it runs. @throws KeepError failed */
  start(): Promise<void>;
  /** Waits until it works, for a minute at most. Returns at once where there is nothing to ask. @throws KeepError failed */
  check(): Promise<void>;
  /** For messages: the command that a person types to start it. */
  readonly startHint: string;
}

export interface ServiceLimits {
  readonly stopMs: number;
  readonly startMs: number;
  /** For all tries of the check together, for one, and the pause between two. */
  readonly checkMs: number;
  readonly oneCheckMs: number;
  readonly pauseMs: number;
}
