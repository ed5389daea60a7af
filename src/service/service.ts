// The service that uses the database: stopped while a restore replaces live data, and started again.

/** How to control it; the settings in config/ have this shape. */
export type ServiceChoice =
  | { readonly kind: "none" }
  | ({ readonly kind: "systemd" } & SystemdChoice)
  | ({ readonly kind: "commands" } & CommandChoice);

export interface Asked {
  /** Shell command: whether it works. A service that does not work may still run and write. */
  readonly check: string | null;
  /** Shell command: exit 0 it runs, 3 it is stopped, anything else is unknown. */
  readonly status: string | null;
}

export interface SystemdChoice extends Asked {
  readonly unit: string;
}

export interface CommandChoice extends Asked {
  readonly stop: string;
  readonly start: string;
  /** The file with this setting; null: the environment. */
  readonly startFrom: string | null;
}

/** Unknown is not "stopped": the service is then stopped, whatever its health. */
export type ServiceState =
  | { readonly is: "running" | "stopped" }
  | { readonly is: "unknown"; /** Completes "because …". */ readonly because: string };

export interface Service {
  /**
   * Call it before anything changes. @throws KeepError bad-setting (exit 2) if the service cannot exist: an unknown
   * unit
   */
  assertExists(signal: AbortSignal): Promise<void>;
  /** @throws KeepError bad-setting if systemd does not answer */
  state(signal: AbortSignal): Promise<ServiceState>;
  /**
   * For a service that was stopped: whether it certainly runs again. Fast, because it is called while the service is
   * down. Never throws.
   */
  cameBack(): Promise<boolean>;
  /** Runs SERVICE_CHECK once: what is wrong with the service; null: nothing, or there is no check. */
  problem(signal: AbortSignal): Promise<string | null>;
  /** Returns once it is stopped. @throws KeepError failed; the service may run or not, so start it */
  stop(signal: AbortSignal): Promise<void>;
  /** Not abortable: the service must always start again. May be called while it runs. @throws KeepError failed */
  start(): Promise<void>;
  /** Waits until it works, up to a minute. Returns at once if there is no check. @throws KeepError failed */
  check(): Promise<void>;
  /** For messages: the unit, or the name of the setting. Never the command itself, which may contain a token. */
  readonly name: string;
  /** For messages, after "start it with:"; also without the user's command. */
  readonly startHint: string;
}

export interface ServiceLimits {
  readonly stopMs: number;
  readonly startMs: number;
  /** For all tries of the check together, for one try, and the pause between two. */
  readonly checkMs: number;
  readonly oneCheckMs: number;
  readonly pauseMs: number;
}
