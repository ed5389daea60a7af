// What other users see of a process and its children (command lines), and what their owner sees (their environments).
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

export interface SeenProcess {
  /** 0: the process itself. */
  readonly depth: number;
  readonly argv: string;
  readonly environ: string;
}

export interface ProcessWatch {
  /** Ends the watch; everything that was seen, each once. */
  stop(): Promise<readonly SeenProcess[]>;
}

/** Looks at one process after which it is not read again: it has done its exec. */
const LOOKS = 4;
const EVERY_MS = 5;

export function watchProcesses(pid: number): ProcessWatch {
  const seen = new Map<string, SeenProcess>();
  const looked = new Map<number, number>();
  const over = new AbortController();
  const look = (one: number, depth: number) => {
    const looks = looked.get(one) ?? 0;
    looked.set(one, looks + 1);
    if (looks < LOOKS) note(one, depth);
    for (const child of proc(one, `task/${one}/children`).split(" "))
      if (child !== "") look(Number(child), depth + 1);
  };
  const note = (one: number, depth: number) => {
    const argv = proc(one, "cmdline");
    // Between fork and exec a child still is a copy of its parent, with the parent's environment.
    const environ = proc(one, "environ");
    const key = JSON.stringify([depth, argv, environ]);
    if (argv !== "") seen.set(key, { depth, argv: argv.replaceAll("\0", " "), environ });
  };
  const watching = (async () => {
    while (!over.signal.aborted) {
      look(pid, 0);
      await sleep(EVERY_MS);
    }
  })();
  return {
    async stop() {
      over.abort();
      await watching;
      return [...seen.values()];
    },
  };
}

function proc(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return "";
  }
}
