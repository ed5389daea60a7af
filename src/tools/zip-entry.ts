// Extracts single files from a zip (such as a Python wheel) without another tool. Supports only what such packages use:
// no zip64, no encryption, stored or deflated entries.
import { createReadStream, createWriteStream } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createInflateRaw } from "node:zlib";

const END_SIGNATURE = 0x06054b50;
const ENTRY_SIGNATURE = 0x02014b50;
const END_LENGTH = 22;
const ENTRY_LENGTH = 46;
const LOCAL_LENGTH = 30;
const LONGEST_COMMENT = 0xffff;
const DEFLATED = 8;

interface ZipEntry {
  readonly name: string;
  readonly deflated: boolean;
  readonly storedBytes: number;
  readonly headerOffset: number;
}

/**
 * Writes the entry whose name ends with `suffix` to the new file `target`. Throws if there is none or the zip is
 * damaged; the caller checks the file's checksum.
 */
export async function extractZipEntry(
  zipPath: string,
  suffix: string,
  target: string,
): Promise<void> {
  await using zip = await open(zipPath);
  const entry = (await readEntries(zip)).find((one) => one.name.endsWith(suffix));
  if (!entry) throw new Error(`no ${suffix} in ${zipPath}`);
  const start = await dataOffset(zip, entry);
  await pipeline(
    createReadStream(zipPath, { start, end: start + entry.storedBytes - 1 }),
    entry.deflated ? createInflateRaw() : new PassThrough(),
    createWriteStream(target, { flags: "wx", mode: 0o700 }),
  );
}

async function readEntries(zip: FileHandle): Promise<ZipEntry[]> {
  const { size } = await zip.stat();
  const tail = await readAt(zip, Math.max(0, size - END_LENGTH - LONGEST_COMMENT), size);
  const end = lastIndexOfSignature(tail);
  const directoryBytes = tail.readUInt32LE(end + 12);
  const directoryOffset = tail.readUInt32LE(end + 16);
  const directory = await readAt(zip, directoryOffset, directoryOffset + directoryBytes);
  return parseDirectory(directory);
}

function lastIndexOfSignature(tail: Buffer): number {
  for (let at = tail.length - END_LENGTH; at >= 0; at--) {
    if (tail.readUInt32LE(at) === END_SIGNATURE) return at;
  }
  throw new Error("not a zip file");
}

function parseDirectory(directory: Buffer): ZipEntry[] {
  const entries: ZipEntry[] = [];
  for (let at = 0; at < directory.length;) {
    if (directory.readUInt32LE(at) !== ENTRY_SIGNATURE) throw new Error("damaged zip directory");
    const nameBytes = directory.readUInt16LE(at + 28);
    const nameStart = at + ENTRY_LENGTH;
    entries.push({
      name: directory.toString("utf8", nameStart, nameStart + nameBytes),
      deflated: directory.readUInt16LE(at + 10) === DEFLATED,
      storedBytes: directory.readUInt32LE(at + 20),
      headerOffset: directory.readUInt32LE(at + 42),
    });
    at = nameStart + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return entries;
}

/** The local header has its own extra field, often of another length than the directory's. */
async function dataOffset(zip: FileHandle, entry: ZipEntry): Promise<number> {
  const header = await readAt(zip, entry.headerOffset, entry.headerOffset + LOCAL_LENGTH);
  return entry.headerOffset + LOCAL_LENGTH + header.readUInt16LE(26) + header.readUInt16LE(28);
}

async function readAt(file: FileHandle, from: number, to: number): Promise<Buffer> {
  const buffer = Buffer.alloc(to - from);
  const { bytesRead } = await file.read(buffer, 0, buffer.length, from);
  if (bytesRead !== buffer.length) throw new Error("zip file ends early");
  return buffer;
}
