// argv → the command with its flags, or the requested help. Loads no job.
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { KeepError } from "../errors.ts";
import type { CommandName } from "../report/outcome.ts";
import { backup } from "./commands/backup.ts";
import { cleanup } from "./commands/cleanup.ts";
import { remove } from "./commands/delete.ts";
import { diff } from "./commands/diff.ts";
import { doctor } from "./commands/doctor.ts";
import { drill } from "./commands/drill.ts";
import { extract } from "./commands/extract.ts";
import { init } from "./commands/init.ts";
import { list } from "./commands/list.ts";
import { restore } from "./commands/restore.ts";
import { rollback } from "./commands/rollback.ts";
import { schedule } from "./commands/schedule.ts";
import { show } from "./commands/show.ts";
import { status } from "./commands/status.ts";
import { verify } from "./commands/verify.ts";
import { usage } from "./verb.ts";
import type { Invocation, Verb } from "./verb.ts";

const VERBS = { init, backup, verify, restore, rollback, cleanup, list, show, delete: remove, schedule, status, doctor, diff, extract, drill } as const satisfies { [K in CommandName]: Verb<K> }; // prettier-ignore

const HELP_END = `
A <backup> is an id, a path, or "latest". Each command has its own --help.

Exit codes: 0 done, 1 failed, 2 usage or settings, 3 damage found, 4 another run holds the lock,
  5 not enough disk, 6 cannot reach or log in to MongoDB, 7 restore failed and the old state is back,
  8 restore failed and the old state is not back, 129/130/143 interrupted and cleaned up

Examples:
  $ mongokeep doctor
  $ mongokeep backup --manual --note "before migration X"
  $ mongokeep restore latest --confirm
`;

export type ParsedLine =
  | { readonly kind: "text"; readonly text: string }
  | (Invocation & { readonly kind: "command"; readonly verb: Verb<CommandName> });

/** @throws KeepError usage, not-in-this-version */
export function parseCommandLine(argv: readonly string[]): ParsedLine {
  let said = "";
  const found: ParsedLine[] = [];
  const program = createProgram((text) => (said += text));
  for (const verb of Object.values(VERBS) as readonly Verb<CommandName>[]) {
    verb.define(program, (invocation) => {
      verb.check?.(invocation);
      found.push({ kind: "command", verb, ...invocation });
    });
  }
  try {
    program.parse(askForHelp(argv), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: "text", text: said.trimEnd() };
    throw toUsage(error, guessCommand(argv));
  }
  return found[0] ?? { kind: "text", text: said.trimEnd() };
}

/** `mongokeep` alone and `mongokeep help [command]` print help, as in other programs. */
function askForHelp(argv: readonly string[]): string[] {
  const [first, command] = argv;
  if (first === undefined) return ["--help"];
  if (first !== "help") return [...argv];
  if (command === undefined) return ["--help"];
  // An unknown one is refused as usual.
  return Object.hasOwn(VERBS, command) ? [command, "--help"] : [command];
}

/** The command in argv, before argv is checked; "" if there is none. */
export function guessCommand(argv: readonly string[]): string {
  return argv.find((word) => Object.hasOwn(VERBS, word)) ?? "";
}

function createProgram(write: (text: string) => void): Command {
  return new Command("mongokeep")
    .description("MongoDB backups that are verified to restore.")
    .version(readVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand(false)
    .option("--env-file <path>", "settings file (default: .env in this folder)")
    .option("--json", "print exactly one JSON object on stdout")
    .option("--quiet", "only warnings and errors")
    .option("--verbose", "details, and stack traces")
    .configureHelp({ showGlobalOptions: true, helpWidth: helpWidth() })
    .configureOutput({ writeOut: write, writeErr: () => undefined })
    .addHelpText("after", (context) => (context.command.parent ? "" : HELP_END))
    .exitOverride();
}

/** Longer lines are hard to read, even on a wide terminal. */
const WIDEST = 100;

function helpWidth(): number {
  return Math.min(WIDEST, process.stdout.isTTY ? process.stdout.columns : WIDEST);
}

/** "error: unknown option '--jsn'\n(Did you mean --json?)" → what is wrong, and what to do. */
function toUsage(error: CommanderError, command: string): KeepError {
  const [said = "", suggestion] = error.message.split("\n");
  const hint = suggestion?.replace(/^\(|\)$/g, "");
  if (error.code === "commander.help") {
    const shown = ["mongokeep", command, "--help"].filter((word) => word !== "").join(" ");
    return usage("no command is given", `${shown} shows them.`);
  }
  return usage(said.replace(/^error: /, "").replace(/\.$/, ""), hint);
}

/** One folder up from both src/ and dist/. */
function readVersion(): string {
  const text = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
