// A temporary folder for a script of one's own (bench, demo): gone at its end, also after Ctrl-C.
import { rmSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface ScratchFolder extends AsyncDisposable {
  readonly path: string;
}

/** The caller disposes of it (`await using`); a signal removes it and ends the process. */
export async function scratchFolder(prefix: string): Promise<ScratchFolder> {
  const path = await mkdtemp(join(tmpdir(), prefix));
  const onSignal = (signal: (typeof SIGNALS)[number]) => {
    rmSync(path, { recursive: true, force: true });
    process.exit(128 + constants.signals[signal]);
  };
  for (const signal of SIGNALS) process.once(signal, onSignal);
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      for (const signal of SIGNALS) process.off(signal, onSignal);
      await rm(path, { recursive: true, force: true });
    },
  };
}
