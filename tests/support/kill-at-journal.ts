// Preloaded into mongokeep by a test (`--import`): kills the process right after the nth line of a restore's
// journal is on disk (of those that match a pattern, if one is given), as a crash would, or sends it another signal.
import { appendFileSync } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const at = Number(process.env.KILL_AT_JOURNAL_LINE ?? "1");
const pattern = new RegExp(process.env.KILL_AT_JOURNAL_MATCH ?? "");
const told = process.env.KILL_TOLD ?? "/dev/null";
let lines = 0;

const probe = await open(fileURLToPath(import.meta.url));
const prototype = Object.getPrototypeOf(probe) as FileHandle;
await probe.close();

// eslint-disable-next-line @typescript-eslint/unbound-method -- called with `apply` below
const { appendFile, datasync } = prototype;
prototype.appendFile = async function (this: FileHandle, ...args) {
  await appendFile.apply(this, args);
  const [line] = args;
  if (typeof line !== "string" || !line.includes('"step":') || !pattern.test(line)) return;
  if (++lines !== at) return;
  await datasync.apply(this);
  appendFileSync(told, line);
  // Another process (the server), or this one.
  const pid = Number(process.env.KILL_PID ?? process.pid);
  process.kill(pid, process.env.KILL_SIGNAL ?? "SIGKILL");
};
