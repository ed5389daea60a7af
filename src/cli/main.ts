// The command line: argv in, exit code out. The only place that ends the process.
import { toKeepError } from "../errors.ts";
import type { GlobalFlags } from "./verb.ts";
import { createOutput } from "./output.ts";
import { guessCommand, parseCommandLine } from "./program.ts";
import { watchSignals } from "./signals.ts";

const SWITCHES = { json: "--json", quiet: "--quiet", verbose: "--verbose" } as const;

/** What argv asks for, before it is known to be right: errors in it must have the form that was asked for. */
function guessFlags(argv: readonly string[]): GlobalFlags {
  const end = argv.indexOf("--");
  const given = end < 0 ? argv : argv.slice(0, end);
  const entries = Object.entries(SWITCHES).map(([name, flag]) => [name, given.includes(flag)]);
  return Object.fromEntries(entries) as GlobalFlags;
}

/** Runs one command line to its end, and ends the process with its exit code. */
export async function main(argv: readonly string[]): Promise<never> {
  let output = createOutput(guessFlags(argv));
  let command = guessCommand(argv);
  const signals = watchSignals((error) => {
    output.fail(command, error);
    process.exit(error.exitCode);
  });
  // A fault that escaped every await is still one error, in the form that was asked for.
  for (const event of ["unhandledRejection", "uncaughtException"] as const)
    process.on(event, (thrown: unknown) => {
      const error = toKeepError(thrown);
      output.fail(command, error);
      process.exit(error.exitCode);
    });
  // A pipe whose reader is gone is met again, and passed over, where it is written to.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => undefined);
  try {
    const parsed = parseCommandLine(argv);
    if (parsed.kind === "text") {
      output.print(parsed.text);
      process.exit(0);
    }
    command = parsed.verb.name;
    output = createOutput(parsed.flags);
    const { runCommand } = await import("./run.ts");
    process.exit(await runCommand(parsed, { ...signals, output }));
  } catch (thrown) {
    const error = toKeepError(thrown);
    output.fail(command, error);
    process.exit(error.exitCode);
  }
}

await main(process.argv.slice(2));
