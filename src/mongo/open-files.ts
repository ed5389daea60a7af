// How many files a mongod holds open, and how many it may: it ends at once when it reaches its limit.
// No command tells the limit. On this machine the system knows it; else only what the server said at its start, where
// it was below 64,000: it may have been raised since.
import { readFile } from "node:fs/promises";
import type { Document, MongoClient } from "mongodb";

export interface OpenFiles {
  /** null where the server does not say. */
  readonly open: number | null;
  /** null: nobody knows. */
  readonly limit: FileLimit | null;
}

export interface FileLimit {
  readonly files: number;
  /** false: it is that or more. */
  readonly isExact: boolean;
}

/** What the server asks for: below it, it warns at its start. */
const RECOMMENDED = 64_000;

/** Asks; what this user may not ask is not known. */
export async function readOpenFiles(client: MongoClient): Promise<OpenFiles> {
  const admin = client.db("admin");
  const ask = (command: Document) => admin.command(command).catch(() => null);
  const status = await ask({ serverStatus: 1 });
  const warnings = await ask({ getLog: "startupWarnings" });
  const { connection } = (status?.wiredTiger ?? {}) as { connection?: Record<string, unknown> };
  const open: unknown = connection?.["files currently open"];
  const lines = warnings?.log as readonly string[] | undefined;
  const told = lines ? limitInWarnings(lines) : null;
  const known = status === null ? null : await limitBySystem(status);
  return { open: typeof open === "number" ? open : null, limit: known ?? told };
}

/** Pure. Of the lines of `getLog: "startupWarnings"`, as servers since 4.4 write them; null for older ones. */
export function limitInWarnings(lines: readonly string[]): FileLimit | null {
  if (!lines.every((line) => line.startsWith("{"))) return null;
  const line = lines.find((one) => one.includes("rlimits for open file descriptors too low"));
  if (line === undefined) return { files: RECOMMENDED, isExact: false };
  const found = /"currentValue":(\d+)/.exec(line)?.[1];
  return found === undefined ? null : { files: Number(found), isExact: true };
}

/** null where the server does not run on this machine, as far as can be told. */
async function limitBySystem(status: Document): Promise<FileLimit | null> {
  const pid = Number(status.pid);
  const read = (path: string) => readFile(path, "latin1").catch(() => "");
  return limitOfProcess(
    {
      stat: await read(`/proc/${pid}/stat`),
      limits: await read(`/proc/${pid}/limits`),
      uptime: await read("/proc/uptime"),
    },
    { pid, uptimeMs: Number(status.uptimeMillis) },
  );
}

export interface ProcessTexts {
  /** `/proc/<pid>/stat` */
  readonly stat: string;
  /** `/proc/<pid>/limits` */
  readonly limits: string;
  /** `/proc/uptime` */
  readonly uptime: string;
}

/** Two that begin so close to each other are one. */
const SAME_START_MS = 10_000;
const TICKS_PER_SECOND = 100;

/** Pure. null where the process is another one: the number is that of another machine, or of a container. */
export function limitOfProcess(
  { stat, limits, uptime }: ProcessTexts,
  server: { readonly pid: number; readonly uptimeMs: number },
): FileLimit | null {
  const [, pid, name, rest] = /^(\d+) \((.*)\) (.*)/.exec(stat) ?? [];
  // The 22nd field, counted from the process number.
  const startTicks = Number(rest?.split(" ")[19]);
  const ageMs = (Number(uptime.split(" ")[0]) - startTicks / TICKS_PER_SECOND) * 1_000;
  const isServer = Number(pid) === server.pid && name === "mongod";
  if (!isServer || !(Math.abs(ageMs - server.uptimeMs) < SAME_START_MS)) return null;
  const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
  return soft === undefined ? null : { files: Number(soft), isExact: true };
}
