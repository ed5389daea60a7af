// What makes operations wait on a server: prepared transactions without an end, and locks. What must stay true: asking
// never fails and never waits long; the answer contains no values of documents.
import { setTimeout as sleep } from "node:timers/promises";
import type { Document, MongoClient } from "mongodb";
import { formatDuration } from "../util/units.ts";

export interface Blocker {
  /** A read of data that a prepared transaction wrote waits for its end, on every member. */
  readonly kind: "prepared" | "lock";
  /** Completes "waits for …". */
  readonly text: string;
}

const LIMIT_MS = 2_000;

/** null if nothing is found, or the account may not ask. */
export async function findBlocker(client: MongoClient): Promise<Blocker | null> {
  const given = new AbortController();
  const late = sleep(2 * LIMIT_MS, null, { signal: given.signal }).catch(() => null);
  const found = ofOperations(client)
    .catch(() => null)
    .then((blocker) => blocker ?? ofRecords(client).catch(() => null));
  try {
    return await Promise.race([found, late]);
  } finally {
    given.abort();
  }
}

/** Needs the right inprog (the role clusterMonitor has it). */
async function ofOperations(client: MongoClient): Promise<Blocker | null> {
  const prepared = { "transaction.timePreparedMicros": { $exists: true } };
  const operations = await client
    .db("admin")
    .aggregate(
      [
        { $currentOp: { allUsers: true, idleSessions: true } },
        { $match: { $or: [prepared, { waitingForLock: true }] } },
        { $limit: 100 },
      ],
      { maxTimeMS: LIMIT_MS },
    )
    .toArray();
  const transaction = operations.find((one) => hasPrepared(one));
  if (transaction) return { kind: "prepared", text: describeTransaction(transaction) };
  const [waiting] = operations;
  if (!waiting) return null;
  const { length } = operations;
  return {
    kind: "lock",
    text: `a lock (${length} ${length === 1 ? "operation waits" : "operations wait"} for one, on ${String(waiting.ns)})`,
  };
}

const hasPrepared = ({ transaction }: Document) =>
  (transaction as Document | undefined)?.timePreparedMicros !== undefined;

function describeTransaction({ transaction, client, appName }: Document): string {
  const micros = Number((transaction as Document).timePreparedMicros);
  const who = [appName, client].filter((one) => typeof one === "string" && one !== "").join(", ");
  const of = who === "" ? "" : ` of ${who}`;
  return `a prepared transaction${of}, which has not ended for ${formatDuration(micros / 1_000)}`;
}

/** What the role backup may read. */
async function ofRecords(client: MongoClient): Promise<Blocker | null> {
  const transactions = client.db("config").collection("transactions");
  const options = { maxTimeMS: LIMIT_MS, projection: { lastWriteDate: 1 } };
  const found = await transactions.findOne({ state: "prepared" }, options);
  if (!found) return null;
  const since =
    found.lastWriteDate instanceof Date ? ` since ${found.lastWriteDate.toISOString()}` : "";
  return { kind: "prepared", text: `a prepared transaction, which has not ended${since}` };
}

export interface OwnWait {
  /** Equal for the same operation. */
  readonly id: string;
  /** The command and its namespace. */
  readonly what: string;
}

/** An operation of this account's mongokeep that waits for a lock; this needs no right. null: none, or unknown. */
export async function findOwnWait(client: MongoClient): Promise<OwnWait | null> {
  const appName = client.options.appName ?? "";
  const waiting = client
    .db("admin")
    .aggregate(
      [
        { $currentOp: { allUsers: false } },
        { $match: { waitingForLock: true, appName } },
        { $sort: { microsecs_running: -1 } },
        { $limit: 1 },
      ],
      { maxTimeMS: LIMIT_MS },
    );
  const [found] = await waiting.toArray().catch(() => []);
  if (!found) return null;
  const [command = "an operation"] = Object.keys((found.command ?? {}) as Document);
  return {
    id: String(found.opid),
    what: `${command} on ${String(found.ns)}`,
  };
}
