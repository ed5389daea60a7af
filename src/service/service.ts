// The service that writes to the database: stopped while a restore replaces live data, and started again.

/** How it is controlled; the settings of config/ have this shape. */
export type ServiceChoice =
  | { readonly kind: "none" }
  | ({ readonly kind: "systemd" } & SystemdChoice)
  | ({ readonly kind: "commands" } & CommandChoice);

export interface Asked {
  /** Shell command: whether it works. A service that does not work may well run, and write. */
  readonly check: string | null;
  /** Shell command: exit 0 it runs, 3 it is stopped, anything else is no answer. */
  readonly status: string | null;
}

export interface SystemdChoice extends Asked {
  readonly unit: string;
}

export interface CommandChoice extends Asked {
  readonly stop: string;
  readonly start: string;
  /** The file that says so; null: the environment. */
  readonly startFrom: string | null;
}

/** Not to know is no "stopped": then it is stopped, whatever its health. */
export type ServiceState =
  | { readonly is: "running" | "stopped" }
  | { readonly is: "unknown"; /** Completes "because …". */ readonly because: string };

export interface Service {
  /** Call before anything is changed. @throws KeepError bad-setting (exit 2) where it cannot exist: an unknown unit */
  assertExists(signal: AbortSignal): Promise<void>;
  /** @throws KeepError bad-setting where systemd does not answer */
  state(signal: AbortSignal): Promise<ServiceState>;
  /** Of one that was stopped: whether it surely runs again. Quick, as it is asked while the service is down. Never throws. */
  cameBack(): Promise<boolean>;
  /** Asks SERVICE_CHECK once: what is wrong with the service; null: nothing, or there is nothing to ask. */
  problem(signal: AbortSignal): Promise<string | null>;
  /** Returns once it is stopped. @throws KeepError failed; it may run or not then, so start it */
  stop(signal: AbortSignal): Promise<void>;
  /** Not abortable: it must come up again in every case. May be called when it runs. @throws KeepError failed */
  start(): Promise<void>;
  /** Waits until it works, for a minute at most. Returns at once where there is nothing to ask. @throws KeepError failed */
  check(): Promise<void>;
  /** For messages: the unit, or the name of the setting. Never the command itself, which may hold a token. */
  readonly name: string;
  /** For messages, after "start it with:"; no command of the user's either. */
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
