// Zips are built here byte by byte: what a packer may write, and what a broken download looks like.
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { crc32, deflateRawSync } from "node:zlib";
import { extractZipEntry } from "./zip-entry.ts";

const PROGRAM = Buffer.from("#!/bin/sh\necho a program\n".repeat(50));

for (const deflated of [true, false]) {
  test(`a ${deflated ? "deflated" : "stored"} entry comes out as it went in`, async (t) => {
    const folder = await temporary(t);
    const zip = join(folder, "a.zip");
    const entries = [
      zipEntry("x/readme", Buffer.from("no"), false),
      zipEntry("x/bin/tool", PROGRAM, deflated),
    ];
    await writeFile(zip, buildZip(entries, "a comment"));
    await extractZipEntry(zip, "/bin/tool", join(folder, "tool"));
    assert.deepEqual(await readFile(join(folder, "tool")), PROGRAM);
  });
}

test("a missing entry, a cut zip and another kind of file are refused", async (t) => {
  const folder = await temporary(t);
  const whole = buildZip([zipEntry("x/bin/tool", PROGRAM, true)], "");
  const cases = [
    whole,
    whole.subarray(0, whole.length - 30),
    Buffer.from("no zip"),
    Buffer.alloc(0),
  ];
  for (const [index, bytes] of cases.entries()) {
    const zip = join(folder, `${index}.zip`);
    await writeFile(zip, bytes);
    const suffix = index === 0 ? "/bin/other" : "/bin/tool";
    await assert.rejects(extractZipEntry(zip, suffix, join(folder, `${index}.out`)));
  }
});

test("an existing file is never overwritten", async (t) => {
  const folder = await temporary(t);
  const [zip, target] = [join(folder, "a.zip"), join(folder, "tool")];
  await writeFile(zip, buildZip([zipEntry("x/bin/tool", PROGRAM, true)], ""));
  await writeFile(target, "mine");
  await assert.rejects(extractZipEntry(zip, "/bin/tool", target), { code: "EEXIST" });
  assert.equal(await readFile(target, "utf8"), "mine");
});

interface Entry {
  readonly name: Buffer;
  readonly data: Buffer;
  readonly raw: Buffer;
  readonly method: number;
}

function zipEntry(name: string, raw: Buffer, deflated: boolean): Entry {
  const data = deflated ? deflateRawSync(raw) : raw;
  return { name: Buffer.from(name), data, raw, method: deflated ? 8 : 0 };
}

function buildZip(entries: readonly Entry[], comment: string): Buffer {
  const [parts, directory]: [Buffer[], Buffer[]] = [[], []];
  let offset = 0;
  for (const entry of entries) {
    // A local extra field that the directory does not have: readers must not trust the directory's length.
    const local = [fields(entry, 30, 0x04034b50, 4), entry.name, Buffer.alloc(4), entry.data];
    const header = fields(entry, 46, 0x02014b50, 0);
    header.writeUInt32LE(offset, 42);
    directory.push(header, entry.name);
    parts.push(...local);
    offset += Buffer.concat(local).length;
  }
  const list = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(comment.length, 20);
  return Buffer.concat([...parts, list, end, Buffer.from(comment)]);
}

/** The fields that both headers share, two bytes later in the directory's. */
function fields(entry: Entry, length: number, signature: number, extraBytes: number): Buffer {
  const header = Buffer.alloc(length);
  const shift = length === 46 ? 2 : 0;
  header.writeUInt32LE(signature, 0);
  header.writeUInt16LE(entry.method, 8 + shift);
  header.writeUInt32LE(crc32(entry.raw), 14 + shift);
  header.writeUInt32LE(entry.data.length, 18 + shift);
  header.writeUInt32LE(entry.raw.length, 22 + shift);
  header.writeUInt16LE(entry.name.length, 26 + shift);
  header.writeUInt16LE(extraBytes, 28 + shift);
  return header;
}

async function temporary(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "mongokeep-unit-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
