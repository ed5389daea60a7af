// Bounds the wait for each batch of a read. What must stay true: a secondary that stands still is left for another
// member within half a minute; a wait that every member would share is reported, and ends with the cause named.
import { KeepError } from "../errors.ts";
import type { Emit } from "../events.ts";
import { findBlocker } from "../mongo/blockers.ts";
import type { RawBatch } from "../mongo/bulk-read.ts";
import type { Deployment, RawConnection } from "../mongo/deployment.ts";
import { SAY_MS, tellWait } from "./waits.ts";

export interface ReadLimits {
  readonly sayMs: number;
  /** Of a secondary. */
  readonly memberMs: number;
  /** Of a server that no other one can stand in for: less than the connection itself bears (mongo/deployment.ts). */
  readonly serverMs: number;
}

export const READ_LIMITS: ReadLimits = { sayMs: SAY_MS, memberMs: 20_000, serverMs: 110_000 };

export interface WatchedRead {
  readonly deployment: Pick<Deployment, "client">;
  readonly emit: Emit;
  readonly limits: ReadLimits;
  readonly namespace: string;
  readonly raw: RawConnection | null;
}

/**
 * The batches, as they come.
 * @throws KeepError server-waits where something on the server blocks the read, and unreachable (`details.silent`)
 * where it says nothing for another reason; the connection is closed then
 */
export async function* watchRead(
  read: WatchedRead,
  batches: AsyncGenerator<RawBatch, void, void>,
): AsyncGenerator<RawBatch, void, void> {
  try {
    for (;;) {
      const next = await withinLimits(read, batches.next());
      if (next.done === true) return;
      yield next.value;
    }
  } finally {
    // Not awaited: a read that was given up still waits for the server.
    void batches.return().catch(() => undefined);
  }
}

/** One wait of such a read. @throws KeepError as watchRead does */
export async function withinLimits<T>(read: WatchedRead, work: Promise<T>): Promise<T> {
  const began = performance.now();
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timers: NodeJS.Timeout[] = [];
  const { sayMs, memberMs, serverMs } = read.limits;
  const what = `documents of ${read.namespace}${read.raw ? ` from ${read.raw.member.name}` : ""}`;
  const after = (ms: number, act: (waitedMs: number) => Promise<void>) => {
    timers.push(setTimeout(() => void act(performance.now() - began), ms));
  };
  let done = false;
  const giveUp = (error: KeepError) => {
    if (done) return;
    reject(error);
    read.raw?.wire.close();
  };
  after(sayMs, async (waited) => {
    const blocker = await findBlocker(read.deployment.client);
    if (!done) tellWait(read.emit, what, waited, blocker?.text ?? null);
  });
  if (read.raw?.member.isSecondary === true)
    after(memberMs, async (waited) => {
      const blocker = await findBlocker(read.deployment.client);
      // Other members wait for that too.
      if (blocker?.kind !== "prepared") giveUp(silent(read, waited));
    });
  after(serverMs, async (waited) => {
    const blocker = await findBlocker(read.deployment.client);
    giveUp(blocker ? blocked(read, waited, blocker.text) : silent(read, waited));
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    done = true;
    for (const timer of timers) clearTimeout(timer);
  }
}

const seconds = (ms: number) => `${Math.round(ms / 1_000)} s`;

function blocked({ namespace }: WatchedRead, waitedMs: number, text: string): KeepError {
  return new KeepError(
    "server-waits",
    `${namespace} could not be read for ${seconds(waitedMs)}: the server waits for ${text}`,
    { details: { namespace } },
  );
}

function silent({ namespace, raw }: WatchedRead, waitedMs: number): KeepError {
  const who = raw?.member.name ?? "the server";
  return new KeepError(
    "unreachable",
    `${who} sent no documents of ${namespace} for ${seconds(waitedMs)}`,
    {
      hint: "See the server's log, and in mongosh db.currentOp() and rs.status(), then run it again.",
      details: { namespace, silent: true },
    },
  );
}

/** Whether the server gave no answer, and nobody knows why. */
export const isSilent = (error: unknown): error is KeepError =>
  error instanceof KeepError && error.details.silent === true;
