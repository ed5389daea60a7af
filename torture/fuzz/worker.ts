// Reads the fuzzer's output in a separate process, so that a hang can be ended and memory measured.
import { readFileSync } from "node:fs";
import { resourceUsage } from "node:process";
import { diff, listBackups, restore } from "../../src/index.ts";
import { compose } from "../../src/compose.ts";
import { toKeepError } from "../../src/errors.ts";
import { runExtract } from "../../src/jobs/inspect/extract.ts";
import { verifyBackup } from "../../src/verify/verify.ts";
import { quiet } from "../../tests/support/small-backup.ts";

export type FuzzTask =
  | { readonly kind: "verify"; readonly path: string }
  | { readonly kind: "list" }
  | { readonly kind: "plan"; readonly backup: string }
  | { readonly kind: "diff"; readonly backup: string; readonly other: string }
  | { readonly kind: "extract"; readonly backup: string; readonly namespace: string };

export interface FuzzRequest {
  readonly envFile: string;
  readonly tasks: readonly FuzzTask[];
}

export interface FuzzAnswer {
  readonly kind: FuzzTask["kind"];
  /** Of verify: it is good. Of the others: they came to an end. */
  readonly ok: boolean;
  /** Of a KeepError; `internal` for anything else that was thrown. */
  readonly code: string | null;
  /** What was thrown, or found. */
  readonly said: string;
  /** Of all threads. */
  readonly cpuMs: number;
}

export interface FuzzReply {
  readonly answers: readonly FuzzAnswer[];
  /** The most memory that this process ever had. */
  readonly peakBytes: number;
}

async function perform(task: FuzzTask, envFile: string): Promise<{ ok: boolean; said: string }> {
  if (task.kind === "verify") {
    const { ok, problems } = await verifyBackup(task.path, "full", quiet());
    return { ok, said: JSON.stringify(problems.slice(0, 3)) };
  }
  if (task.kind === "list")
    return { ok: true, said: JSON.stringify(await listBackups({ envFile })) };
  if (task.kind === "plan") await restore({ envFile, backup: task.backup });
  if (task.kind === "diff") await diff({ envFile, backup: task.backup, other: task.other });
  if (task.kind === "extract") {
    const { context } = await compose({ envFile });
    const { backup, namespace } = task;
    await runExtract(context, { backup, namespace, query: null, limit: null }, () => true);
  }
  return { ok: true, said: "" };
}

async function answer(task: FuzzTask, envFile: string): Promise<FuzzAnswer> {
  const before = process.cpuUsage();
  const spent = () => {
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  };
  const { kind } = task;
  try {
    const done = await perform(task, envFile);
    return { kind, ...done, code: null, cpuMs: spent() };
  } catch (error) {
    const known = toKeepError(error);
    const said = known.code === "internal" ? (known.stack ?? "") : known.message;
    return { kind, ok: false, code: known.code, said, cpuMs: spent() };
  }
}

/** `ru_maxrss` would begin with what the parent had when it forked. */
function peakBytes(): number {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    return Number(kilobytes) * 1024;
  } catch {
    return resourceUsage().maxRSS * 1024;
  }
}

process.on("message", (request: FuzzRequest) => {
  void (async () => {
    const answers: FuzzAnswer[] = [];
    for (const task of request.tasks) answers.push(await answer(task, request.envFile));
    const reply: FuzzReply = { answers, peakBytes: peakBytes() };
    process.send?.(reply);
  })();
});
process.on("disconnect", () => process.exit());
