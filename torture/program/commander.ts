// One process for many command lines, because starting one for each would take most of the time; null if one hangs.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Cleanup } from "../../tests/support/temporary.ts";
import type { Said } from "./in-process.ts";

export interface Commander {
  /** One at a time. null: it did not end within the limit, and was killed. */
  run(argv: readonly string[], envFile: string): Promise<Said | null>;
}

export function createCommander(t: Cleanup, limitMs: number): Commander {
  let child: ChildProcess | null = null;
  const end = async () => {
    if (child?.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "close");
  };
  t.after(end);
  return {
    async run(argv, envFile) {
      if (child?.exitCode !== null || child.signalCode !== null) child = startWorker();
      const said = ask(child, JSON.stringify({ argv, envFile }), limitMs);
      const answer = await said;
      if (answer === null) await end();
      return answer;
    },
  };
}

function startWorker(): ChildProcess {
  const { PATH, HOME, TMPDIR } = process.env;
  return spawn(process.execPath, [join(import.meta.dirname, "command-worker.ts")], {
    stdio: ["pipe", "pipe", "inherit"],
    env: { PATH, HOME, TMPDIR },
  });
}

async function ask(child: ChildProcess, line: string, limitMs: number): Promise<Said | null> {
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new Error("the worker has no pipes");
  const lines = createInterface({ input: stdout });
  const signal = AbortSignal.timeout(limitMs);
  stdin.write(`${line}\n`);
  try {
    const [answer] = (await once(lines, "line", { signal })) as [string];
    return JSON.parse(answer) as Said;
  } catch (error) {
    if (signal.aborted) return null;
    throw error;
  } finally {
    lines.close();
  }
}
