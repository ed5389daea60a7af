// Who holds a lock, and the proof that such a holder is dead. No doubt is proof: a lock that is taken from
// a living run ends in two of them.
import { randomBytes } from "node:crypto";
import { readFile, readlink } from "node:fs/promises";
import { hostname } from "node:os";
import { z } from "zod";
import { KeepError } from "../errors.ts";
import type { Clock } from "../util/clock.ts";
import { openPlainFile } from "../storage/local-file.ts";

const holderSchema = z.object({
  host: z.string(),
  bootId: z.string().nullable(),
  /** Numbers of processes mean something within one namespace only: containers may share a folder. */
  pidNamespace: z.string().nullable(),
  pid: z.int().positive(),
  /** Clock ticks from the machine's start; null where /proc does not tell. */
  startTime: z.string().nullable(),
  command: z.string(),
  /** ISO 8601, UTC. */
  since: z.string(),
  /** This lock and no other one of the same process. */
  token: z.string().regex(/^[0-9a-f]{16}$/),
  /** How often it was renewed (lease.ts); locks of earlier versions are not. */
  renewals: z.string().regex(/^\d+$/).optional(),
});

export type Holder = Readonly<z.infer<typeof holderSchema>>;

/** `unknown`: something is there, and it does not say who made it. */
export type Held = { readonly by: Holder } | "unknown" | "free";

/** This process as a holder, with a new token. */
export async function describeSelf(command: string, clock: Clock): Promise<Holder> {
  return {
    host: hostname(),
    bootId: await readBootId(),
    pidNamespace: await readlink("/proc/self/ns/pid").catch(() => null),
    pid: process.pid,
    startTime: (await readProcess(process.pid))?.startTime ?? null,
    command,
    since: new Date(clock.now()).toISOString(),
    token: randomBytes(8).toString("hex"),
  };
}

export async function readHolder(path: string): Promise<Held> {
  try {
    const { file } = await openPlainFile(path);
    const text = await file.readFile("utf8").finally(() => file.close());
    const parsed = holderSchema.safeParse(JSON.parse(text));
    return parsed.success ? { by: parsed.data } : "unknown";
  } catch (error) {
    // What cannot be read (another user's, a folder) does not say who made it either.
    const cause = error instanceof KeepError ? error.cause : null;
    const { code } = (cause ?? {}) as NodeJS.ErrnoException;
    return code === "ENOENT" ? "free" : "unknown";
  }
}

/** Why the holder is known to be dead, to follow "that run"; null where it lives or nobody can tell. */
export async function proofOfDeath(holder: Holder): Promise<string | null> {
  if (holder.host !== hostname()) return null;
  const bootId = await readBootId();
  if (bootId !== null && holder.bootId !== null && bootId !== holder.bootId)
    // Another machine may have this host name. A lock that is renewed shows whether it lives; one of an earlier version cannot.
    return holder.renewals === undefined ? "ended when the machine went down" : null;
  if (!(await sharesProcesses(holder))) return null;
  if (!isRunning(holder.pid)) return "is gone";
  const running = await readProcess(holder.pid);
  if (running === null || holder.startTime === null) return null;
  if (running.startTime !== holder.startTime) return "is gone, and its number is another one's now";
  return running.isZombie ? "has ended" : null;
}

/** Whether the holder's process number means something here: then it is known to live or to be dead, at once. */
export async function isOfThisMachine(holder: Holder): Promise<boolean> {
  return (
    holder.host === hostname() &&
    holder.bootId === (await readBootId()) &&
    (await sharesProcesses(holder))
  );
}

async function sharesProcesses({ pidNamespace }: Holder): Promise<boolean> {
  return pidNamespace === (await readlink("/proc/self/ns/pid").catch(() => null));
}

/** "mongokeep backup (pid 123 on host, since …)". */
export function nameOf({ command, pid, host, since }: Holder): string {
  return `mongokeep ${command} (pid ${pid} on ${host}, since ${since})`;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as another user.
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

async function readBootId(): Promise<string | null> {
  const text = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => null);
  return text?.trim() ?? null;
}

/** null where there is no such process, or no /proc. */
async function readProcess(pid: number): Promise<{ startTime: string; isZombie: boolean } | null> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  // The name, in parentheses, may hold spaces and parentheses itself. `state` is the 3rd field, `starttime` the 22nd.
  const fields = text?.slice(text.lastIndexOf(")") + 2).split(" ");
  const startTime = fields?.[19];
  if (startTime === undefined) return null;
  return { startTime, isZombie: fields?.[0] === "Z" || fields?.[0] === "X" };
}
