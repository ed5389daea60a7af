// The `_id` of a document as canonical Extended JSON. People find a document by it; no other part of a document is
// shown.
import { rawDocument, rawElement } from "./build.ts";
import { rawToEjson } from "./ejson.ts";
import { skipValue } from "./element.ts";
import { findId } from "./identity.ts";

/** The whole `_id` of the document at `start`; null if it has none. */
export function idText(b: Buffer, start: number): string | null {
  const id = findId(b, start);
  if (!id) return null;
  const value = b.subarray(id.at, skipValue(b, id.type, id.at));
  return rawToEjson(rawDocument(rawElement(id.type, "v", value))).slice('{"v":'.length, -1);
}

/** Cut for messages and logs, because an `_id` can be as long as a document. */
const LONGEST = 200;

/** The same for messages. */
export function shortIdText(b: Buffer, start: number): string {
  const text = idText(b, start) ?? "(no _id)";
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
