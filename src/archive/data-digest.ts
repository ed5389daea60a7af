// SHA-256 of the documents of a data file, however they are stored: tells whether two files hold the same.
import { createHash } from "node:crypto";
import type { CompressionAlgorithm } from "../codec/codec.ts";
import { readChunks } from "./chunk-reader.ts";
import type { ArchivedFile } from "./place.ts";

/** @param algorithm where the file's name does not tell it. @throws KeepError damaged */
export async function digestOfData(
  file: ArchivedFile,
  signal: AbortSignal,
  algorithm?: CompressionAlgorithm,
): Promise<string> {
  const hash = createHash("sha256");
  const options = { width: 1, signal, ...(algorithm !== undefined && { algorithm }) };
  for await (const { raw } of readChunks(file, options)) hash.update(raw);
  return hash.digest("hex");
}
