// A failure that no job could report: settings that are wrong, a flag that is unknown, a fault. At night somebody
// hears of it all the same, by whatever alert setting is right.
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
  /** As it was thrown. */
  readonly thrown: unknown;
  readonly error: KeepError;
  readonly emit: Emit;
}

/** Sends the alert about a failure that is still due. On a terminal somebody sees the error. */
export async function tell({ argv, command, thrown, error, emit }: Failure): Promise<void> {
  // Who runs `status --alert` asked for it.
  const isWanted = command === "status" && argv.includes("--alert");
  const isDue = isWanted || (isWatched(command) && !process.stderr.isTTY);
  if (!isDue || wasTold(thrown)) return;
  const alerts = await readAlertSettings(alertSource(guessEnvFile(argv)));
  await notifyAll(createNotifiers(alerts), noticeOfFailure(command, error), emit);
}

/** The value of --env-file, where argv may not be right. */
function guessEnvFile(argv: readonly string[]): string | undefined {
  const at = argv.findIndex((word) => /^--env-file(?:=|$)/.test(word));
  if (at < 0) return undefined;
  const word = argv[at] ?? "";
  return word.includes("=") ? word.slice("--env-file=".length) : argv[at + 1];
}
