// The process that reads the made-up backups, restarted after a hang or an end; judges the backups that it accepted.
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import type { FuzzAnswer, FuzzReply, FuzzTask } from "./worker.ts";

const MOST_CPU_MS = 2_000;
/** Wall time: on a machine that is busy, what takes no time at all may wait. */
const HUNG_MS = 30_000;
const MOST_BYTES = 300e6;
const RENEWED_BYTES = 220e6;

export interface FuzzReader {
  /** @throws where one hung, took too much, or ended with what is no answer of mongokeep */
  read(what: string, tasks: readonly FuzzTask[]): Promise<readonly FuzzAnswer[]>;
  readonly peakBytes: () => number;
  close(): Promise<void>;
}

export function createFuzzReader(envFile: string): FuzzReader {
  let child: ChildProcess | null = null;
  let peak = 0;
  const stop = async () => {
    const ending = child;
    child = null;
    if (ending?.exitCode !== null || ending.signalCode !== null) return;
    const ended = once(ending, "exit");
    ending.kill("SIGKILL");
    await ended;
  };
  const start = () =>
    fork(resolve(import.meta.dirname, "worker.ts"), {
      execArgv: ["--semi-space-growth-factor=1"],
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
  return {
    peakBytes: () => peak,
    close: stop,
    async read(what, tasks) {
      child ??= start();
      const reply = await ask(child, { envFile, tasks });
      if (typeof reply === "string") {
        await stop();
        assert.fail(`${what}: ${reply} over ${JSON.stringify(tasks)}`);
      }
      peak = Math.max(peak, reply.peakBytes);
      if (reply.peakBytes > MOST_BYTES) {
        await stop();
        assert.fail(`${what}: the reader had ${Math.round(reply.peakBytes / 1e6)} MB`);
      }
      // What one left behind must not count for the next.
      if (reply.peakBytes > RENEWED_BYTES) await stop();
      for (const { kind, code, said, cpuMs } of reply.answers) {
        assert.notEqual(code, "internal", `${what}: ${kind}: ${said}`);
        assert.ok(cpuMs < MOST_CPU_MS, `${what}: ${kind} took ${Math.round(cpuMs)} ms`);
      }
      return reply.answers;
    },
  };
}

/** Why there is none, in words. */
async function ask(child: ChildProcess, request: object): Promise<FuzzReply | string> {
  const over = new AbortController();
  const { signal } = over;
  const nothing = (error: unknown) => (signal.aborted ? "" : String(error));
  const timer = setTimeout(() => {
    over.abort();
  }, HUNG_MS);
  try {
    const answered = once(child, "message", { signal }).then(([reply]) => reply as FuzzReply);
    const ended = once(child, "exit", { signal }).then(
      ([code, by]) => `the reader ended (${String(code ?? by)})`,
    );
    child.send(request);
    const reply = await Promise.race([answered, ended]).catch(nothing);
    for (const one of [answered, ended]) one.catch(() => undefined);
    return reply === "" ? `the reader hung for ${HUNG_MS / 1000} s` : reply;
  } finally {
    clearTimeout(timer);
    over.abort();
  }
}
