// Where a tail of the oplog starts, and how far it must go. What must stay true: the origin is read before the instant
// is chosen. Every transaction open at the instant is then either in config.transactions or wrote its first entry after
// the origin.
import type { Document, MongoClient, Timestamp } from "mongodb";
import type { ClusterTime } from "../mongo/server-info.ts";
import { driverError } from "../mongo/server-error.ts";
import { compareTimes } from "./cluster-time.ts";

const TRANSACTIONS = "transactions";

/**
 * The entry to start at: the newest one that a majority has, or the first one of the oldest open transaction. null if
 * the server has no oplog. @throws KeepError rights-missing
 */
export async function findOrigin(client: MongoClient): Promise<ClusterTime | null> {
  const write = await lastWrite(client);
  const newest = asTime(write?.majorityOpTime);
  if (newest === null) return null;
  let origin = newest;
  try {
    const open = client
      .db("config")
      .collection(TRANSACTIONS)
      .find(
        { state: { $in: ["inProgress", "prepared"] } },
        { projection: { startOpTime: 1 }, readConcern: { level: "local" } },
      );
    for await (const transaction of open) {
      const start = asTime(transaction.startOpTime);
      if (start !== null && compareTimes(start, origin) < 0) origin = start;
    }
  } catch (error) {
    throw driverError("read", `config.${TRANSACTIONS}`, error);
  }
  return origin;
}

/** The newest entry that the primary wrote: a read before this call, on any member, saw nothing newer. */
export async function findNewest(client: MongoClient): Promise<ClusterTime | null> {
  try {
    return asTime((await lastWrite(client))?.opTime);
  } catch (error) {
    throw driverError("read", "local.oplog.rs", error);
  }
}

async function lastWrite(client: MongoClient): Promise<Document | undefined> {
  const hello = await client.db("admin").command({ hello: 1 });
  return hello.lastWrite as Document | undefined;
}

function asTime(opTime: unknown): ClusterTime | null {
  const ts = (opTime as { ts?: Timestamp } | undefined)?.ts;
  return ts ? { t: ts.t, i: ts.i } : null;
}
