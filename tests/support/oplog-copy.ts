// A raw copy of what a server wrote into its oplog meanwhile, taken without any code of ours.
import type { BSON, MongoClient, Timestamp } from "mongodb";

/** The newest time in the oplog. */
export async function oplogNow(client: MongoClient): Promise<Timestamp> {
  const newest = await client
    .db("local")
    .collection("oplog.rs")
    .find({}, { sort: { $natural: -1 }, limit: 1, projection: { ts: 1 } })
    .next();
  return newest?.ts as Timestamp;
}

/** All entries after `after`, byte for byte. */
export async function copyOplog(client: MongoClient, after: Timestamp): Promise<Buffer[]> {
  const cursor = client
    .db("local")
    .collection("oplog.rs")
    .find({ ts: { $gt: after } }, { raw: true, sort: { $natural: 1 } });
  const entries: Buffer[] = [];
  for await (const raw of cursor as unknown as AsyncIterable<Uint8Array>)
    entries.push(Buffer.from(raw));
  return entries;
}

/** Entries as replayOplog takes them. */
export async function* asEntries(entries: readonly Buffer[]): AsyncGenerator<Buffer, void, void> {
  for (const entry of entries) yield await Promise.resolve(entry);
}

/** A document as the server would have written it. */
export type Entry = BSON.Document;
