// The growing oplog: majority-committed entries in order, each once, also over a lost connection. What must stay true:
// if an entry may be missing it fails, and never continues after a gap.
import { setTimeout as sleep } from "node:timers/promises";
import * as BSON from "bson";
import { ReadConcern } from "mongodb";
import { parseCursorReply } from "../bson/batch.ts";
import { KeepError } from "../errors.ts";
import type { Deployment, RawConnection } from "../mongo/deployment.ts";
import type { ClusterTime } from "../mongo/server-info.ts";
import { CODES, driverError, serverError } from "../mongo/server-error.ts";
import { REPLY_AT } from "../mongo/wire.ts";
import { compareTimes, formatTime } from "./cluster-time.ts";
import { documentsOf, glance } from "./glance.ts";

export const OPLOG = "local.oplog.rs";
const COLLECTION = "oplog.rs";
/** The server answers after this time at the latest, with an empty batch if nothing happened. */
const AWAIT_MS = 500;
/** Several thousand small entries; 16 MB end a batch in any case. */
const BATCH_ENTRIES = 5_000;
const ATTEMPTS = 6;
/** A busy server answers each write separately; after this pause one reply holds many entries. */
const GATHER_MS = 100;
const FEW_ENTRIES = 1_000;

/** Entries of one reply; empty if nothing happened. They are valid until the next call. */
export type OplogBatch = readonly Buffer[];

/**
 * All entries from `start` on, without end; closes its connection when the iteration stops. @throws KeepError
 * server-error (also after a rollover), rights-missing, unreachable
 */
export async function* followOplog(
  deployment: Deployment,
  start: ClusterTime,
  signal: AbortSignal,
): AsyncGenerator<OplogBatch, void, void> {
  let last = start;
  let first = true;
  for (let failures = 0; ;) {
    try {
      let resumed = false;
      for await (const batch of openOplog(deployment, last, signal)) {
        if (batch.length > 0 && !resumed) assertContinues(batch, last);
        // The entry at which it resumed was already returned.
        const fresh = batch.length > 0 && !resumed && !first ? batch.slice(1) : batch;
        if (batch.length > 0) [resumed, first, failures] = [true, false, 0];
        const newest = fresh.at(-1);
        if (newest) last = glance(newest, 0).ts;
        yield fresh;
        if (batch.length > 0 && batch.length < FEW_ENTRIES)
          await sleep(GATHER_MS, undefined, { signal });
      }
      // This member does not have entries of that time yet.
      await sleep(AWAIT_MS, undefined, { signal });
    } catch (error) {
      signal.throwIfAborted();
      if (!isPassing(error) || ++failures >= ATTEMPTS) throw error;
      await sleep(500 * failures, undefined, { signal });
    }
  }
}

function assertContinues(batch: OplogBatch, last: ClusterTime): void {
  const [oldest] = batch;
  if (oldest && compareTimes(glance(oldest, 0).ts, last) === 0) return;
  throw rolledOver(`its entry ${formatTime(last)} is gone`);
}

function rolledOver(problem: string, cause?: unknown): KeepError {
  return new KeepError("server-error", `the oplog rolled over while it was read: ${problem}`, {
    hint: "Give the oplog more room (in mongosh: db.adminCommand({replSetResizeOplog: 1, size: <megabytes>})), then run it again.",
    details: { namespace: OPLOG, rolledOver: true },
    cause,
  });
}

/** Whether the oplog rolled over before it was read. */
export function isRolledOver(error: unknown): boolean {
  return error instanceof KeepError && error.details.rolledOver === true;
}

/** Fail-overs, shutdowns and killed cursors: trying again may help, perhaps on another member. */
const PASSING: readonly number[] = [43, 91, 189, 237, 10058, 10107, 11600, 11602, 13435, 13436];

function isPassing(error: unknown): boolean {
  if (!(error instanceof KeepError)) return false;
  const code = error.details.serverCode;
  return error.code === "unreachable" || (typeof code === "number" && PASSING.includes(code));
}

function translate(error: KeepError): KeepError {
  return error.details.serverCode === CODES.cappedPositionLost
    ? rolledOver("the entries that come next are gone", error)
    : error;
}

async function* openOplog(
  deployment: Deployment,
  from: ClusterTime,
  signal: AbortSignal,
): AsyncGenerator<OplogBatch, void, void> {
  using raw = await deployment.openRaw("primaryPreferred");
  const close = () => raw?.[Symbol.dispose]();
  signal.addEventListener("abort", close, { once: true });
  try {
    signal.throwIfAborted();
    yield* raw ? readRaw(raw, from) : readByDriver(deployment, from);
  } catch (error) {
    throw error instanceof KeepError ? translate(error) : error;
  } finally {
    signal.removeEventListener("abort", close);
  }
}

const findCommand = (from: ClusterTime) => ({
  find: COLLECTION,
  filter: { ts: { $gte: new BSON.Timestamp(from) } },
  batchSize: BATCH_ENTRIES,
  tailable: true,
  awaitData: true,
  readConcern: { level: "majority" },
});

/** Ends when the server ends the cursor: it has nothing of that time yet. */
async function* readRaw(
  { wire }: RawConnection,
  from: ClusterTime,
): AsyncGenerator<OplogBatch, void, void> {
  const common = {
    $db: "local",
    $readPreference: { mode: "primaryPreferred" },
    ...(wire.apiVersion === null ? {} : { apiVersion: wire.apiVersion }),
  };
  let command: BSON.Document = { ...findCommand(from), ...common };
  for (;;) {
    await wire.send(0, BSON.serialize(command));
    const message = await wire.receive();
    let id: bigint;
    try {
      const reply = parseCursorReply(message.buffer, REPLY_AT);
      if (!reply.ok || reply.batchAt < 0)
        throw serverError("read", OPLOG, reply.code, reply.errmsg);
      id = reply.cursorId;
      yield [...documentsOf(message.buffer, reply.batchAt)].map((at) =>
        message.buffer.subarray(at, at + message.buffer.readInt32LE(at)),
      );
    } finally {
      wire.give(message);
    }
    if (id === 0n) return;
    command = {
      getMore: BSON.Long.fromBigInt(id),
      collection: COLLECTION,
      batchSize: BATCH_ENTRIES,
      maxTimeMS: AWAIT_MS,
      ...common,
    };
  }
}

/** The same with the driver's cursor, if no socket can be taken over. */
async function* readByDriver(
  { client }: Deployment,
  from: ClusterTime,
): AsyncGenerator<OplogBatch, void, void> {
  const { filter, batchSize } = findCommand(from);
  const cursor = client
    .db("local")
    .collection(COLLECTION)
    .find(filter, {
      ...{ batchSize, raw: true, tailable: true, awaitData: true, maxAwaitTimeMS: AWAIT_MS },
      readConcern: new ReadConcern("majority"),
      readPreference: "primaryPreferred",
    });
  try {
    while (!cursor.closed) {
      const next = (await cursor.tryNext()) as unknown as Uint8Array | null;
      const entries = next ? [next] : [];
      for (let more = cursor.bufferedCount(); next && more > 0; more--)
        entries.push((await cursor.next()) as unknown as Uint8Array);
      yield entries.map((one) => Buffer.from(one.buffer, one.byteOffset, one.byteLength));
    }
  } catch (error) {
    throw driverError("read", OPLOG, error);
  } finally {
    await cursor.close();
  }
}
