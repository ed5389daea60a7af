// Inserts raw documents as kind-1 sections: the server gets exactly the bytes of the backup. Measured: 19–21 s for 859
// MB with indexes, mongorestore 36 s; most of that is the server's own work.
import * as BSON from "bson";
import { embed, rawArray, rawDocument, rawElement, rawString, rawTrue } from "../bson/build.ts";
import { findElement, skipValue, TYPE_DOCUMENT } from "../bson/element.ts";
import { findEmptyTimestamps } from "../bson/empty-timestamp.ts";
import { KeepError } from "../errors.ts";
import type { RawConnection } from "./deployment.ts";
import { isSameId, refusedDocuments, refusedOf } from "./refused.ts";
import type { WriteError } from "./refused.ts";
import { serverError } from "./server-error.ts";
import { REPLY_AT } from "./wire.ts";

export interface InsertTarget {
  readonly database: string;
  readonly collection: string;
  /** Documents that violate the collection's validator are inserted unchanged; not allowed for buckets. */
  readonly bypassValidation: boolean;
  /**
   * Called for each document whose `_id` already exists, which is then left out. A read of a collection that is written
   * to returns a document twice if it was deleted and inserted again.
   */
  readonly onRepeated?: (document: Buffer) => void;
}

/** Room for the command and headers in a message of maximum size. */
const OVERHEAD_BYTES = 64 * 1024;

/**
 * Inserts a chunk of whole documents, in order, in as few messages as the server's limits allow. @throws KeepError
 * documents-refused if any is refused: with `_id`s, never with content
 */
export async function insertRaw(
  connection: RawConnection,
  target: InsertTarget,
  chunk: Buffer,
): Promise<number> {
  const special = findEmptyTimestamps(chunk);
  let documents = 0;
  let start = 0;
  for (const at of special) {
    documents += await insertPlain(connection, target, chunk.subarray(start, at));
    start = at + chunk.readInt32LE(at);
    await insertLiteral(connection, target, chunk.subarray(at, start));
    documents++;
  }
  return documents + (await insertPlain(connection, target, chunk.subarray(start)));
}

async function insertPlain(
  connection: RawConnection,
  target: InsertTarget,
  documents: Buffer,
): Promise<number> {
  const { maxMessageSizeBytes, maxWriteBatchSize } = connection.limits;
  const longest = maxMessageSizeBytes - OVERHEAD_BYTES;
  let total = 0;
  let start = 0;
  while (start < documents.length) {
    let end = start;
    let count = 0;
    while (end < documents.length && count < maxWriteBatchSize) {
      const next = end + documents.readInt32LE(end);
      if (next - start > longest && count > 0) break;
      end = next;
      count++;
    }
    total += await send(connection, target, documents.subarray(start, end), count);
    start = end;
  }
  return total;
}

async function send(
  connection: RawConnection,
  target: InsertTarget,
  documents: Buffer,
  count: number,
): Promise<number> {
  const command = BSON.serialize({
    insert: target.collection,
    ordered: false,
    ...(target.bypassValidation ? { bypassDocumentValidation: true } : {}),
    // Durability is requested once at the end (settleWrites), not for each message.
    writeConcern: { w: 1 },
    $db: target.database,
    ...apiVersion(connection),
  });
  await connection.wire.send(0, command, { name: "documents", documents });
  const reply = await readReply(connection);
  return assertWritten(reply, target, documents, count);
}

const apiVersion = (connection: RawConnection) =>
  connection.wire.apiVersion === null ? {} : { apiVersion: connection.wire.apiVersion };

/** Writes one document with an upsert that takes it literally, because an insert would replace its empty timestamp. */
async function insertLiteral(
  connection: RawConnection,
  target: InsertTarget,
  document: Buffer,
): Promise<void> {
  const id = findElement(document, 0, "_id");
  if (!id) {
    await send(connection, target, document, 1);
    return;
  }
  const idValue = document.subarray(id.at, skipValue(document, id.type, id.at));
  const replace = rawDocument(
    embed("$replaceWith", rawDocument(rawElement(TYPE_DOCUMENT, "$literal", document))),
  );
  // $eq: an _id that is itself a document must not be parsed as operators.
  const query = rawDocument(embed("_id", rawDocument(rawElement(id.type, "$eq", idValue))));
  const update = rawDocument(embed("q", query), rawArray("u", [replace]), rawTrue("upsert"));
  const command = rawDocument(
    rawString("update", target.collection),
    rawArray("updates", [update]),
    ...(target.bypassValidation ? [rawTrue("bypassDocumentValidation")] : []),
    rawString("$db", target.database),
  );
  await connection.wire.send(0, command);
  assertWritten(await readReply(connection), target, document, 1);
}

interface WriteReply {
  readonly ok: number;
  readonly n?: number;
  readonly code?: number;
  readonly errmsg?: string;
  readonly writeErrors?: readonly WriteError[];
}

async function readReply(connection: RawConnection): Promise<WriteReply> {
  const message = await connection.wire.receive();
  const reply = BSON.deserialize(message.buffer.subarray(REPLY_AT, message.length)) as WriteReply;
  connection.wire.give(message);
  return reply;
}

/** Returns how many were written. */
function assertWritten(
  reply: WriteReply,
  { database, collection, bypassValidation, onRepeated }: InsertTarget,
  documents: Buffer,
  count: number,
): number {
  const namespace = `${database}.${collection}`;
  if (reply.ok !== 1)
    throw serverError(
      bypassValidation ? "load" : "write",
      namespace,
      reply.code ?? 0,
      reply.errmsg ?? "no reason given",
    );
  const { writeErrors = [], n = 0 } = reply;
  const refused = writeErrors.filter((error) => !onRepeated || !isSameId(error));
  if (refused.length > 0) throw refusedDocuments({ namespace, documents, count }, refused);
  if (onRepeated) for (const one of refusedOf(documents, writeErrors)) onRepeated(one);
  if (n === count - writeErrors.length) return n;
  throw new KeepError("server-error", `${namespace}: the server took ${n} of ${count} documents`, {
    details: { namespace },
  });
}
