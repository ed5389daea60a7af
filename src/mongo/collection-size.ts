// How large a collection is, for planning only: the figures are estimates, and absent without the right.
import type { MongoClient } from "mongodb";
import { MongoServerError } from "mongodb";
import { driverError } from "./server-error.ts";

export interface CollectionSize {
  readonly documents: number;
  /** Uncompressed BSON bytes. */
  readonly bytes: number;
  /** On the server's disk, compressed, with the indexes. */
  readonly diskBytes: number;
}

/** null where the server does not say (no right to collStats, a view). */
export async function estimateSize(
  client: MongoClient,
  database: string,
  collection: string,
): Promise<CollectionSize | null> {
  try {
    const stats = await client.db(database).command({ collStats: collection });
    return {
      documents: Number(stats.count ?? 0),
      bytes: Number(stats.size ?? 0),
      diskBytes: Number(stats.storageSize ?? 0) + Number(stats.totalIndexSize ?? 0),
    };
  } catch (error) {
    if (error instanceof MongoServerError) return null;
    throw driverError("list", `${database}.${collection}`, error);
  }
}
