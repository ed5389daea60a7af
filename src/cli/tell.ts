// Alerts about failures that no job could report: wrong settings, an unknown flag, a fault. At night somebody must hear
// of it, through every valid alert setting.
import { wasTold } from "../compose.ts";
import { readAlertSettings } from "../config/alert-settings.ts";
import { alertSource } from "../config/settings.ts";
import type { KeepError } from "../errors.ts";
import type { Emit } from "../events.ts";
import { createNotifiers } from "../notify/create-notifiers.ts";
import { notifyAll } from "../notify/notifier.ts";
import { isWatched, noticeOfFailure } from "../report/outcome.ts";

export interface Failure {
  readonly argv: readonly string[];
  readonly command: string;
  /** The thrown value. */
  readonly thrown: unknown;
  readonly error: KeepError;
  readonly emit: Emit;
}

/** Sends a failure's alert that is still due. On a terminal a person sees the error. */
export async function tell({ argv, command, thrown, error, emit }: Failure): Promise<void> {
  // `status --alert` is an explicit request for alerts.
  const isWanted = command === "status" && argv.includes("--alert");
  const isDue = isWanted || (isWatched(command) && !process.stderr.isTTY);
  if (!isDue || wasTold(thrown)) return;
  const alerts = await readAlertSettings(alertSource(guessEnvFile(argv)));
  await notifyAll(createNotifiers(alerts), noticeOfFailure(command, error), emit);
}

/** The value of --env-file, even if argv is wrong. */
function guessEnvFile(argv: readonly string[]): string | undefined {
  const at = argv.findIndex((word) => /^--env-file(?:=|$)/.test(word));
  if (at < 0) return undefined;
  const word = argv[at] ?? "";
  return word.includes("=") ? word.slice("--env-file=".length) : argv[at + 1];
}
