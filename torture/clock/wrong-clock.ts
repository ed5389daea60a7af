// Runs mongokeep with a clock that is wrong or jumps, through a library that is loaded before the system's.
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import type { Cleanup } from "../../tests/support/temporary.ts";
import type { CliOptions } from "../../tests/support/cli.ts";

const run = promisify(execFile);
const SOURCE = join(import.meta.dirname, "clock-shift.c");
const VARIABLE = "MONGOKEEP_TORTURE_CLOCK";

export interface Jump {
  readonly afterMs: number;
  readonly byMs: number;
}

/** What to give to a run of mongokeep that begins at this moment. */
export type WrongClock = (nowMs: number, jump?: Jump) => Pick<CliOptions, "env">;

/** What is missing for it, in words. */
export async function lacksWrongClock(): Promise<string | null> {
  if (process.platform !== "linux") return "Linux, for a library that sets the clock";
  return await run("gcc", ["--version"]).then(
    () => null,
    () => "gcc, for a library that sets the clock",
  );
}

export async function createWrongClock(t: Cleanup): Promise<WrongClock> {
  const library = join(await temporaryFolder(t), "clock-shift.so");
  await run("gcc", ["-shared", "-fPIC", "-O2", "-o", library, SOURCE]);
  return (nowMs, jump) => {
    const jumps = jump ? `,${jump.afterMs}:${jump.byMs}` : "";
    return { env: { LD_PRELOAD: library, [VARIABLE]: `${nowMs}${jumps}` } };
  };
}
