// The JSON that tests read, with the fields that they look at.
import type { CliResult } from "../support/cli.ts";

interface Failure {
  readonly ok: boolean;
  readonly error: { readonly code: string; readonly message: string; readonly hint: string };
}

export const failureOf = (run: CliResult) => run.json() as Failure;

interface Report {
  readonly ok: boolean;
  readonly planned: boolean;
  readonly restored: boolean;
  readonly dryRun: boolean;
  readonly backups: unknown[];
  readonly decisions: unknown[];
  readonly problems: readonly { readonly code: string }[];
  readonly lastGood: unknown;
  readonly disk: { readonly freeBytes: number };
  readonly checks: readonly { readonly name: string; readonly state: string }[];
}

export const reportOf = (run: CliResult) => run.json() as Report;
