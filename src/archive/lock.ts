// One run at a time in a backup folder: `.lock`, which says who holds it (AMENDMENTS 31).
// What must stay true: at no moment two runs hold it, however many of them find it dead at once.
import { randomBytes } from "node:crypto";
import { link, readdir, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { KeepError, toKeepError } from "../errors.ts";
import type { Emit } from "../events.ts";
import type { Clock } from "../util/clock.ts";
import { writeNewFile } from "../util/durable-file.ts";
import { describeSelf, nameOf, proofOfDeath, readHolder } from "./lock-holder.ts";
import type { Held, Holder } from "./lock-holder.ts";

export interface LockRequest {
  /** What this run is, for whoever waits for it: "backup". */
  readonly command: string;
  /** How long to wait for another run; 0: not at all. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly clock: Clock;
}

const POLL_MS = 250;
/** What file systems without hard links say. */
const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

export const lockPath = (root: string) => join(root, ".lock");

/**
 * Held until it is disposed. `root` must exist.
 * @throws KeepError locked (exit 4) naming the holder; what `signal` aborts with
 */
export async function acquireLock(root: string, request: LockRequest): Promise<AsyncDisposable> {
  const path = lockPath(root);
  const self = await describeSelf(request.command, request.clock);
  await waitFor(path, self, request);
  await sweep(path);
  return { [Symbol.asyncDispose]: () => leave(path, self, request) };
}

/** What was done under it is done, also where the disk does not let go of the lock: the next run finds it dead. */
async function leave(path: string, self: Holder, { emit }: LockRequest): Promise<void> {
  const tell = (why: string) => {
    const message = `the lock ${path} could not be taken away (${why}); the next run takes it over`;
    emit({ kind: "log", level: "warn", code: "lock-left", message });
  };
  try {
    if ((await readHolder(path)) === "unknown") tell("it cannot be read");
    else await release(path, self);
  } catch (error) {
    tell(toKeepError(error).message);
  }
}

/** Whether a run that is not known to be dead holds the folder. */
export async function isLockHeld(root: string): Promise<boolean> {
  const held = await readHolder(lockPath(root));
  if (held === "free") return false;
  return held === "unknown" || (await proofOfDeath(held.by)) === null;
}

async function waitFor(path: string, self: Holder, request: LockRequest): Promise<void> {
  const { signal, waitMs, emit } = request;
  const until = performance.now() + waitMs;
  for (let told = false; ;) {
    signal.throwIfAborted();
    if (await tryCreate(path, self)) return;
    const held = await readHolder(path);
    const obstacle = await clearDead(path, held, request);
    if (obstacle === "free") continue;
    if (performance.now() >= until) throw lockedBy(path, obstacle);
    if (!told) {
      const message = `waiting for ${describeHeld(obstacle)}`;
      emit({ kind: "log", level: "info", code: "lock-wait", message });
      told = true;
    }
    await sleep(Math.min(POLL_MS, until - performance.now()), undefined, { signal }).catch(() => {
      signal.throwIfAborted();
    });
  }
}

/** false where it is held. Nobody sees it without its content: it gets its name when it is written. */
async function tryCreate(path: string, self: Holder): Promise<boolean> {
  const text = `${JSON.stringify(self, null, 2)}\n`;
  const temporary = `${path}.new-${randomBytes(8).toString("hex")}`;
  try {
    await writeNewFile(temporary, text);
    await link(temporary, path).catch(async (error: unknown) => {
      if (!NO_LINKS.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
      await writeNewFile(path, text);
    });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

/**
 * Removes the lock of a dead run; gives who else is in the way. The right to remove that one lock is a lock
 * itself, named after its token: who has it, and still finds the token, is alone. It may be left by a dead
 * run too, and is then cleared the same way.
 */
async function clearDead(path: string, held: Held, request: LockRequest): Promise<Held> {
  if (typeof held === "string") return held;
  const dead = held.by;
  const proof = await proofOfDeath(dead);
  if (proof === null) return held;
  const claim = `${path}.${dead.token}`;
  const self = await describeSelf(request.command, request.clock);
  if (!(await tryCreate(claim, self)))
    return await clearDead(claim, await readHolder(claim), request);
  try {
    await removeOwn(path, dead, () => {
      const message = `the lock of ${nameOf(dead)} was taken over: that run ${proof}`;
      request.emit({ kind: "log", level: "warn", code: "lock-taken-over", message });
    });
  } finally {
    await release(claim, self);
  }
  return "free";
}

const release = (path: string, self: Holder) => removeOwn(path, self, () => undefined);

/** Removes the lock if it still is the holder's. */
async function removeOwn(path: string, holder: Holder, tell: () => void): Promise<void> {
  const held = await readHolder(path);
  if (typeof held === "string" || held.by.token !== holder.token) return;
  await rm(path, { force: true });
  tell();
}

/** What runs left that died while they took a lock. */
async function sweep(path: string): Promise<void> {
  const folder = dirname(path);
  for (const name of await readdir(folder)) {
    if (!name.startsWith(`${basename(path)}.`)) continue;
    const held = await readHolder(join(folder, name));
    if (typeof held === "object" && (await proofOfDeath(held.by)) !== null)
      await rm(join(folder, name), { force: true });
  }
}

function describeHeld(held: Held): string {
  return typeof held === "object" ? nameOf(held.by) : "a run that does not say which it is";
}

function lockedBy(path: string, held: Held): KeepError {
  const holder = typeof held === "object" ? held.by : null;
  const hint = `Wait for it to end, then run it again. If you are sure that it is dead, delete ${path}.`;
  return new KeepError("locked", `another run is at work here: ${describeHeld(held)}`, {
    hint,
    details: holder
      ? { command: holder.command, pid: holder.pid, host: holder.host, since: holder.since }
      : {},
  });
}
