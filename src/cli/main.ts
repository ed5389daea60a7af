// The command line: argv in, exit code out. The only place that ends the process.
import { warn } from "../events.ts";
import { settleTimeZone } from "../config/time-zone.ts";
import { toKeepError } from "../errors.ts";
import type { GlobalFlags } from "./verb.ts";
import { createOutput } from "./output.ts";
import { guessCommand, parseCommandLine } from "./program.ts";
import { watchSignals } from "./signals.ts";
import type { Failure } from "./tell.ts";

const SWITCHES = { json: "--json", quiet: "--quiet", verbose: "--verbose" } as const;

/** Commands that only print: their reader may take time. */
const ANSWERS: readonly string[] = ["list", "show", "diff", "extract"];

/** What argv asks for, before it is checked, because errors in it must have the requested form. */
function guessFlags(argv: readonly string[]): GlobalFlags {
  const end = argv.indexOf("--");
  const given = end < 0 ? argv : argv.slice(0, end);
  const entries = Object.entries(SWITCHES).map(([name, flag]) => [name, given.includes(flag)]);
  return Object.fromEntries(entries) as GlobalFlags;
}

/** Loaded only now: a command that succeeds does not need it. */
async function tellFailure(failure: Failure): Promise<void> {
  try {
    const { tell } = await import("./tell.ts");
    await tell(failure);
  } catch (error) {
    const message = `no alert could be sent: ${toKeepError(error).message}`;
    warn(failure.emit, "alert-not-sent", message);
  }
}

/** Runs one command line to its end, and ends the process with its exit code. */
export async function main(argv: readonly string[]): Promise<never> {
  settleTimeZone();
  let output = createOutput(guessFlags(argv));
  let command = guessCommand(argv);
  let ending: Promise<never> | undefined;
  const end = async (exitCode: number, isAnswer = false): Promise<never> => {
    await output.flush(isAnswer);
    process.exit(exitCode);
  };
  const fail = async (thrown: unknown, alert: boolean): Promise<never> => {
    const error = signals.explain(command, toKeepError(thrown));
    output.fail(command, error);
    if (alert) await tellFailure({ argv, command, thrown, error, emit: output.emit });
    return await end(error.exitCode);
  };
  // While an alert is sent, the rest of the run may also end: the first failure counts.
  const failWith = (thrown: unknown) => (ending ??= fail(thrown, true));
  const signals = watchSignals((error) => void fail(error, false));
  // A fault that escaped every await is still reported as one error, in the requested form.
  for (const event of ["unhandledRejection", "uncaughtException"] as const)
    process.on(event, (thrown: unknown) => void failWith(thrown));
  // Write errors of these streams are handled where they occur (standard-stream.ts), and those of the prompts' streams
  // here.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  // A log that reached `ulimit -f` is an error of that write, not the end of the process.
  process.on("SIGXFSZ", () => undefined);
  try {
    const parsed = parseCommandLine(argv);
    if (parsed.kind === "text") {
      output.print(parsed.text);
      return await end(0, true);
    }
    command = parsed.verb.name;
    output = createOutput(parsed.flags);
    const { runCommand } = await import("./run.ts");
    const exitCode = await runCommand(parsed, { ...signals, output });
    return await (ending ??= end(exitCode, ANSWERS.includes(parsed.verb.name)));
  } catch (thrown) {
    return await failWith(thrown);
  }
}

await main(process.argv.slice(2));
