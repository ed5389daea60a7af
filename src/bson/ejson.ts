// Raw BSON ⇄ canonical Extended JSON v2 as text, for metadata. Collections use ejson-lines.ts.
import { createSink } from "./ejson-text.ts";
import { writeDocument } from "./ejson-write.ts";

export { ejsonToRaw } from "./ejson-read.ts";

/** One line of canonical Extended JSON, with invalid UTF-8 replaced. `raw` must be valid BSON. */
export function rawToEjson(raw: Uint8Array): string {
  const sink = createSink(raw.length * 3 + 16);
  writeDocument(sink, Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength), 0, false);
  return sink.bytes.toString("utf8", 0, sink.length);
}
