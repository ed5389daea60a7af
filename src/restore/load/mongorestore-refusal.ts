// Which document mongorestore stopped at. It names none, but it loads in order and stops at the first that is
// refused: that is the one after those that it counts as restored.
import { readChunks } from "../../archive/chunk-reader.ts";
import { shortIdText } from "../../bson/id-text.ts";
import { findEmptyTimestamps } from "../../bson/empty-timestamp.ts";
import { KeepError } from "../../errors.ts";
import type { ArchivedFile } from "../../archive/place.ts";

/** What it says of documents, as against servers and logins. */
const OF_DOCUMENTS = /write errors:|reading bson input|document\(s\) failed to restore/;

/** `error` with the `_id` of the document; as it was where it is not about one, or cannot be found. */
export async function namingDocument(
  error: unknown,
  dataFile: ArchivedFile,
  { namespace, restored }: { readonly namespace: string; readonly restored: number | null },
): Promise<unknown> {
  if (!(error instanceof KeepError) || error.code !== "server-error") return error;
  if (restored === null || !OF_DOCUMENTS.test(error.message)) return error;
  const id = await idOf(dataFile, restored).catch(() => null);
  if (id === null) return error;
  return new KeepError(
    "documents-refused",
    `${namespace}: the document with _id ${id} was refused after ${restored} others: ${error.message}`,
    { details: { ...error.details, namespace, documentIds: [id] }, cause: error },
  );
}

/** Of those that were sent to it: what has an empty timestamp is not. */
async function idOf(dataFile: ArchivedFile, index: number): Promise<string | null> {
  const { signal } = new AbortController();
  let n = 0;
  for await (const { raw } of readChunks(dataFile, { width: 1, signal })) {
    const left = new Set(findEmptyTimestamps(raw));
    for (let at = 0; at < raw.length; at += raw.readInt32LE(at))
      if (!left.has(at) && n++ === index) return shortIdText(raw, at);
  }
  return null;
}
