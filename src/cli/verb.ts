// A command: its flags and help, which must be cheap to load, and what it does.
import type { Command } from "commander";
import type { Composition } from "../compose.ts";
import { KeepError } from "../errors.ts";
import type { CommandName, Results } from "../report/outcome.ts";
import type { View } from "../report/style.ts";

/** The flags that every command takes. */
export interface GlobalFlags {
  readonly envFile?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly verbose?: boolean;
}

/** In commander's form: a flag that is not given is missing. Each command knows its own. */
export type Flags = GlobalFlags & Readonly<Record<string, unknown>>;

/** A parsed command line. */
export interface Invocation {
  readonly args: readonly string[];
  readonly flags: Flags;
}

export interface Spoken<R> {
  readonly result: R;
  readonly text: (view: View) => string | Promise<string>;
  /** false: the text is the requested output, and is printed even with --quiet. */
  readonly isReport: boolean;
}

/** For a command whose result is too long for memory: it writes stdout itself. */
export interface Stdout {
  /** From here on nothing else is written there, no result and no failure. */
  take(): void;
  /**
   * Waits for a slow reader. false: the reader went away (`| head`). @throws KeepError disk-full and similar, because
   * here the output is the work; what `signal` aborts with
   */
  write(text: string, signal?: AbortSignal): Promise<boolean>;
}

export interface Verb<K extends CommandName> {
  readonly name: K;
  /** Adds the command to the program; calls `found` if it is the given one. */
  define(program: Command, found: (invocation: Invocation) => void): void;
  /** Checks what needs no settings. @throws KeepError usage, not-in-this-version */
  check?(invocation: Invocation): void;
  execute(
    invocation: Invocation,
    composition: Composition,
    stdout: Stdout,
  ): Promise<Spoken<Results[K]>>;
}

/** For a repeatable option. */
export const collect = (value: string, before: readonly string[] = []): string[] => [
  ...before,
  value,
];

export function usage(message: string, hint?: string): KeepError {
  return new KeepError("usage", message, hint === undefined ? {} : { hint });
}

/** `--db from=to` …, `--ns a.x=b.y` …; no name may occur twice. @throws KeepError usage */
export function readRenames(
  given: readonly string[] = [],
  flag: "--db" | "--ns" = "--db",
): Map<string, string> {
  const example = flag === "--db" ? "surg=surg_check" : "surg.patients=surg.patients_old";
  const renames = new Map<string, string>();
  for (const text of given) {
    const [from, to, ...more] = text.split("=");
    if (!from || !to || more.length > 0) {
      throw usage(`${flag} ${JSON.stringify(text)} is not from=to`, `Write for instance ${flag} ${example}.`); // prettier-ignore
    }
    if (renames.has(from)) throw usage(`${flag} names ${from} twice`, "Give each name one target.");
    renames.set(from, to);
  }
  return renames;
}

/** For options of a later version. */
export function refuseLater(what: string): never {
  throw new KeepError("not-in-this-version", `${what} is not in this version`);
}

/** An action for commander that stores its arguments. `options` include those of the program. */
export function keep(found: (invocation: Invocation) => void) {
  return (...called: unknown[]): void => {
    const command = called.at(-1) as Command;
    found({ args: [...command.args], flags: command.optsWithGlobals() });
  };
}

/** The end of a help text: exit codes and examples. */
export function helpEnd(exits: string, examples: readonly string[]): string {
  const shown = examples.map((example) => `  $ mongokeep ${example}`).join("\n");
  return `\nExit codes: ${exits}\n\nExamples:\n${shown}\n`;
}
