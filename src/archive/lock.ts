// One run at a time in a backup folder: `.lock`, which says who holds it, and is renewed while its holder lives.
// What must stay true: at no moment two runs act as its holder, however many of them find it dead at once.
import { randomBytes } from "node:crypto";
import { link, lstat, readdir, rm } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { KeepError, toKeepError } from "../errors.ts";
import { warn } from "../events.ts";
import type { Emit } from "../events.ts";
import { systemClock } from "../util/clock.ts";
import type { Clock } from "../util/clock.ts";
import { createPrivateFile } from "../util/durable-file.ts";
import { LEASE_MS, NEVER_RENEWED, POLL_MS, startLease, watchLeases } from "./lease.ts";
import type { Lease, LeaseWatch } from "./lease.ts";
import { describeSelf, isOfThisMachine, nameOf, proofOfDeath, readHolder } from "./lock-holder.ts";
import type { Held, Holder } from "./lock-holder.ts";

export interface LockRequest {
  /** What this run is, for whoever waits for it: "backup". */
  readonly command: string;
  /** How long to wait for another run; 0: not at all. */
  readonly waitMs: number;
  readonly signal: AbortSignal;
  readonly emit: Emit;
  readonly clock: Clock;
  /** Default: by this process's own clock. */
  readonly watch?: LeaseWatch;
}

/** A held lock; let go of when it is disposed. */
export type HeldLock = Omit<Lease, "end"> & AsyncDisposable;

/** What file systems without hard links say. */
const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

export const lockPath = (root: string) => join(root, ".lock");

/**
 * Held until it is disposed. `root` must exist. A holder in another container or on another machine is watched for a
 * sign of life first, for up to LEASE_MS, also where `waitMs` is 0.
 * @throws KeepError locked (exit 4) naming the holder; what `signal` aborts with
 */
export async function acquireLock(root: string, request: LockRequest): Promise<HeldLock> {
  const path = lockPath(root);
  const self = { ...(await describeSelf(request.command, request.clock)), renewals: NEVER_RENEWED };
  const created = await waitFor(path, self, request);
  // Not the job's clock, which may be set: that this process stood still shows on the machine's alone.
  const lease = startLease(path, self, created, systemClock);
  await sweep(path);
  return {
    lost: lease.lost,
    assertHeld: () => lease.assertHeld(),
    [Symbol.asyncDispose]: async () => {
      await lease.end();
      await leave(path, self, request);
    },
  };
}

/** What was done under it is done, also where the disk does not let go of the lock: the next run finds it dead. */
async function leave(path: string, self: Holder, { emit }: LockRequest): Promise<void> {
  const tell = (why: string) => {
    const message = `the lock ${path} could not be taken away (${why}); the next run takes it over`;
    warn(emit, "lock-left", message);
  };
  try {
    if ((await readHolder(path)) === "unknown") tell("it cannot be read");
    else await release(path, self);
  } catch (error) {
    tell(toKeepError(error).message);
  }
}

/** Who holds a folder, as far as one look tells. */
export interface LockState {
  readonly command: string | null;
  readonly pid: number | null;
  readonly host: string | null;
  /** ISO 8601, UTC. */
  readonly since: string | null;
  /** The last renewal, by the file's own time. ISO 8601, UTC. */
  readonly lastSignAt: string;
  /** null: it is of another machine or container, or does not say who made it. */
  readonly alive: boolean | null;
}

/** null where nobody holds it. */
export async function readLock(root: string): Promise<LockState | null> {
  const path = lockPath(root);
  const held = await readHolder(path);
  const stat = await lstat(path).catch(() => null);
  if (held === "free" || stat === null) return null;
  const lastSignAt = stat.mtime.toISOString();
  if (held === "unknown")
    return { command: null, pid: null, host: null, since: null, lastSignAt, alive: null };
  const { command, pid, host, since } = held.by;
  return { command, pid, host, since, lastSignAt, alive: await isAlive(held.by) };
}

async function isAlive(holder: Holder): Promise<boolean | null> {
  if ((await proofOfDeath(holder)) !== null) return false;
  return (await isOfThisMachine(holder)) ? true : null;
}

async function waitFor(path: string, self: Holder, request: LockRequest): Promise<Created> {
  const { signal, waitMs, emit } = request;
  const began = performance.now();
  const watch = request.watch ?? watchLeases();
  for (let told = ""; ;) {
    signal.throwIfAborted();
    const created = await tryCreate(path, self);
    if (created) return created;
    const held = await readHolder(path);
    const obstacle = await clearDead(path, held, { ...request, watch });
    if (obstacle === "free") continue;
    // What nobody can tell of at once is watched until it shows a sign of life, or is known to show none.
    const isWatched = await needsWatching(obstacle);
    const until =
      began + Math.max(waitMs, isWatched && !watch.sawLife() ? LEASE_MS + 4 * POLL_MS : 0);
    if (performance.now() >= until) throw lockedBy(path, obstacle);
    const message = `waiting for ${describeHeld(obstacle)}`;
    const watching = isWatched
      ? `, which is taken for dead after ${LEASE_MS / 1_000} s without a sign of life`
      : "";
    if (told !== message)
      emit({ kind: "log", level: "info", code: "lock-wait", message: `${message}${watching}` });
    told = message;
    await sleep(Math.min(POLL_MS, until - performance.now()), undefined, { signal }).catch(() => {
      signal.throwIfAborted();
    });
  }
}

async function needsWatching(held: Held): Promise<boolean> {
  if (typeof held === "string" || held.by.renewals === undefined) return false;
  return !(await isOfThisMachine(held.by));
}

interface Created {
  /** Open on the lock, for its renewals. */
  readonly file: FileHandle;
  readonly text: string;
}

/** null where it is held. Nobody sees it without its content: it gets its name when it is written. */
async function tryCreate(path: string, self: Holder): Promise<Created | null> {
  const text = `${JSON.stringify(self, null, 2)}\n`;
  const temporary = `${path}.new-${randomBytes(8).toString("hex")}`;
  let file: FileHandle | null = null;
  try {
    file = await createWritten(temporary, text);
    await link(temporary, path);
    return { file, text };
  } catch (error) {
    await file?.close();
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "EEXIST") return null;
    if (file === null || !NO_LINKS.has(code)) throw error;
    return await createWithoutLink(path, text);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function createWithoutLink(path: string, text: string): Promise<Created | null> {
  try {
    return { file: await createWritten(path, text), text };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return null;
    throw error;
  }
}

/** A new file with this content, on disk; gone again where it cannot be written, for an empty lock would hold for ever. */
async function createWritten(path: string, text: string): Promise<FileHandle> {
  const file = await createPrivateFile(path);
  try {
    await file.writeFile(text);
    await file.sync();
    return file;
  } catch (error) {
    await file.close();
    await rm(path, { force: true });
    throw error;
  }
}

/**
 * Removes the lock of a dead run; gives who else is in the way. The right to remove that one lock is a lock
 * itself, named after its token: who has it, and still finds the token, is alone. It may be left by a dead
 * run too, and is then cleared the same way.
 */
async function clearDead(path: string, held: Held, request: Watching): Promise<Held> {
  if (typeof held === "string") return held;
  const dead = held.by;
  const proof = (await proofOfDeath(dead)) ?? (await lapsed(dead, request.watch));
  if (proof === null) return held;
  const claim = `${path}.${dead.token}`;
  const self = { ...(await describeSelf(request.command, request.clock)), renewals: NEVER_RENEWED };
  const claimed = await tryCreate(claim, self);
  if (!claimed) return await clearDead(claim, await readHolder(claim), request);
  await claimed.file.close();
  try {
    await removeOwn(path, dead, () => {
      const message = `the lock of ${nameOf(dead)} was taken over: that run ${proof}`;
      warn(request.emit, "lock-taken-over", message);
    });
  } finally {
    await release(claim, self);
  }
  return "free";
}

type Watching = Omit<LockRequest, "watch"> & { readonly watch: LeaseWatch };

/** The same for a holder whose process nobody here can ask: it has shown no sign of life for as long as its lease. */
async function lapsed(holder: Holder, watch: LeaseWatch): Promise<string | null> {
  if (holder.renewals === undefined || (await isOfThisMachine(holder))) return null;
  if (watch.judge(holder) !== "dead") return null;
  return `showed no sign of life for ${LEASE_MS / 1_000} s`;
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
