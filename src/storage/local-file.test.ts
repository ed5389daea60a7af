import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmod, mkdir, open, readdir, symlink, writeFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import { openPlainFile, openToRead } from "./local-file.ts";
import { readExactly } from "./ranges.ts";

for (const openFile of [openPlainFile, openToRead])
  test(`only a plain file is opened; what is refused stays closed, and names its cause (${openFile.name})`, async (t) => {
    const folder = await temporaryFolder(t);
    const at = (name: string) => join(folder, name);
    await writeFile(at("plain"), "surg");
    await symlink(at("plain"), at("link"));
    await mkdir(at("folder"));
    execFileSync("mkfifo", [at("fifo")]);
    const socket = createServer().listen(at("socket"));
    await once(socket, "listening");
    t.after(() => socket.close());
    const before = (await readdir("/proc/self/fd")).length;
    const notPlain = { code: "damaged", message: "it is not a plain file" };
    for (const name of ["link", "folder", "fifo", "socket"])
      await assert.rejects(openFile(at(name)), notPlain, name);
    await assert.rejects(openFile("/dev/null"), notPlain);
    await assert.rejects(openFile(at("none")), (error: Error) => {
      assert.equal((error.cause as NodeJS.ErrnoException).code, "ENOENT");
      return error.message === "the file is missing";
    });
    await assert.rejects(openFile(at("link")), (error: Error) => {
      return (error.cause as NodeJS.ErrnoException).code === "ELOOP";
    });
    await assert.rejects(openFile(join(at("plain"), "x")), { code: "ENOTDIR" });
    assert.equal((await readdir("/proc/self/fd")).length, before);
    const opened = await openFile(at("plain"));
    assert.equal(opened.bytes, 4);
    await ("file" in opened ? opened.file : opened).close();
    assert.equal((await readdir("/proc/self/fd")).length, before);
    await chmod(at("plain"), 0o600);
  });

/** Gives at most so many bytes a read, as a disk or a network file system may. */
const inPieces = (file: FileHandle, most: number) =>
  ({
    read: (buffer: Buffer, offset: number, length: number, position: number) =>
      file.read(buffer, offset, Math.min(most, length), position),
  }) as unknown as FileHandle;

test("exactly what was asked for is read, however short each read is; the file's end is told", async (t) => {
  const path = join(await temporaryFolder(t), "f");
  await writeFile(path, "the surgeon noted");
  await using file = await open(path);
  for (const most of [1, 3, 100]) {
    const slow = inPieces(file, most);
    assert.equal((await readExactly(slow, 4, 7)).toString(), "surgeon");
    assert.equal((await readExactly(slow, 0, 17)).toString(), "the surgeon noted");
    assert.equal((await readExactly(slow, 17, 0)).length, 0);
    const cut = { code: "damaged", message: "the file is cut short" };
    await assert.rejects(readExactly(slow, 12, 6), cut);
    await assert.rejects(readExactly(slow, 40, 1), cut);
  }
});

test("a short file and a long one are read by position alike", async (t) => {
  const folder = await temporaryFolder(t);
  for (const bytes of [0, 1, 64 * 1024, 64 * 1024 + 1, 300_000]) {
    const path = join(folder, String(bytes));
    const content = randomBytes(bytes);
    await writeFile(path, content);
    const file = await openToRead(path);
    assert.equal(file.bytes, bytes);
    assert.deepEqual(await readExactly(file, 0, bytes), content);
    const from = Math.floor(bytes / 3);
    assert.deepEqual(await readExactly(file, from, bytes - from), content.subarray(from));
    await assert.rejects(readExactly(file, from, bytes - from + 1), /cut short/);
    await file.close();
  }
});
