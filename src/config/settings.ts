// Settings from .env and the process environment. The only reader of process.env.
import type { Compression } from "../codec/codec.ts";
import type { RetentionPolicy } from "../retention/policy.ts";
import type { Secret } from "../util/secret.ts";

export type ServiceSettings =
  | { readonly kind: "none" }
  | { readonly kind: "systemd"; readonly unit: string }
  | {
      readonly kind: "commands";
      readonly stop: string;
      readonly start: string;
      readonly check: string | null;
    };

/** Every setting, checked, with its default filled in. Units are in the names. */
export interface Settings {
  /** Absolute path of the .env that was read; null where there was none. */
  readonly envFile: string | null;
  readonly uri: Secret;
  /** host:port of each seed (or the SRV name), sorted; free of credentials. */
  readonly hosts: readonly string[];
  /** null: all databases. */
  readonly databases: readonly string[] | null;
  /** Absolute. */
  readonly backupDir: string;
  readonly logFile: string;
  readonly engine: "native" | "mongodump" | "ejson";
  readonly compression: Compression;
  /** IANA zone. */
  readonly timezone: string;
  readonly maxRateBytesPerSecond: number | null;
  readonly retention: RetentionPolicy;
  readonly diskWarnFreeBytes: number;
  readonly diskAbortFreeBytes: number;
  readonly service: ServiceSettings;
  readonly alertCommand: string | null;
  readonly alertWebhookUrl: Secret | null;
  readonly alertPingUrl: Secret | null;
  /** Names from the .env that look like ours but belong to others: shown, not fatal. */
  readonly warnings: readonly string[];
}
