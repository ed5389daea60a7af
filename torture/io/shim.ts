// Injects faults into single calls on the files of a backup folder, with a shim that is loaded before the C library:
// exact on every thread, and much faster than strace.
import { execFile } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import type { Cleanup } from "../../tests/support/temporary.ts";
import type { CliOptions } from "../../tests/support/cli.ts";
import { BUILT } from "../program/attack.ts";

const exec = promisify(execFile);
const SOURCE = resolve(import.meta.dirname, "shim.c");

export type Fault = "EIO" | "ENOSPC" | "short" | "kill" | "killafter";

/** One call on a file of the folder. */
export interface Call {
  readonly op: string;
  /** Below the folder. */
  readonly path: string;
}

export interface IoShim {
  /** Writes down the calls of the run that these options are given to. */
  readonly tracing: CliOptions;
  /** The calls since the last time. */
  traced(): Promise<Call[]>;
  /** For a run whose `at`th call fails so, counted from 1. */
  failing(at: number, how: Fault): CliOptions;
  /** What it hit; null: the run had fewer calls. */
  hit(): Promise<Call | null>;
}

/** What is missing here, in words. */
export async function lacksShim(): Promise<string | null> {
  if (process.platform !== "linux") return "a shim for this system's C library";
  try {
    await exec("gcc", ["--version"]);
    return null;
  } catch {
    return "gcc, which compiles the shim";
  }
}

export async function createShim(t: Cleanup, folder: string): Promise<IoShim> {
  const scratch = await temporaryFolder(t);
  const [library, log] = [join(scratch, "shim.so"), join(scratch, "calls")];
  await exec("gcc", ["-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"]);
  const common = {
    LD_PRELOAD: library,
    FAULT_DIR: folder,
    FAULT_LOG: log,
    // What it does beside the C library cannot be hit.
    UV_USE_IO_URING: "0",
  };
  const take = async (): Promise<string[]> => {
    const text = await readFile(log, "utf8").catch(() => "");
    await rm(log, { force: true });
    return text.split("\n").filter((line) => line !== "");
  };
  return {
    tracing: { ...BUILT, env: common },
    traced: async () => (await take()).map(callOf),
    failing: (at, how) => ({
      ...BUILT,
      env: { ...common, FAULT_AT: String(at), FAULT_HOW: how },
    }),
    async hit() {
      const line = (await take()).find((one) => one.startsWith("hit "));
      return line === undefined ? null : callOf(line.slice("hit ".length));
    },
  };
}

function callOf(line: string): Call {
  const space = line.indexOf(" ");
  return { op: line.slice(0, space), path: line.slice(space + 1) };
}
