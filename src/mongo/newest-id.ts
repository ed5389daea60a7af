// When the newest document of a collection was created, according to its `_id`: for plans that people read.
import type { MongoClient } from "mongodb";
import { MongoServerError, ObjectId } from "mongodb";
import { driverError } from "./server-error.ts";

const PATIENCE_MS = 2_000;

/** ISO 8601; null if the largest `_id` is not an ObjectId, or the server does not answer in time. */
export async function newestIdTime(
  client: MongoClient,
  database: string,
  collection: string,
): Promise<string | null> {
  try {
    const newest = await client
      .db(database)
      .collection(collection)
      .findOne({}, { sort: { _id: -1 }, projection: { _id: 1 }, maxTimeMS: PATIENCE_MS });
    return newest?._id instanceof ObjectId ? newest._id.getTimestamp().toISOString() : null;
  } catch (error) {
    if (error instanceof MongoServerError) return null;
    throw driverError("read", `${database}.${collection}`, error);
  }
}
