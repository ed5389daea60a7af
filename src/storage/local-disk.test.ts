import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import fs from "node:fs";
import { lstat, open, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { smallDisk } from "../../tests/support/small-disk.ts";
import { storageConformance } from "../../tests/support/storage-conformance.ts";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import { localDisk } from "./local-disk.ts";
import { readWhole } from "./ranges.ts";
import { makeFolders, writeNew } from "./whole.ts";

storageConformance(
  "local disk",
  async (t) => ({ storage: localDisk, root: await temporaryFolder(t) }),
  async (t) => {
    const root = await smallDisk(t);
    return root === null ? null : { storage: localDisk, root };
  },
);

test("files and folders are for this user alone, whatever the umask", async (t) => {
  const root = await temporaryFolder(t);
  const modeOf = async (name: string) => (await lstat(join(root, name))).mode & 0o7777;
  for (const mask of [0, 0o077, 0o777]) {
    const name = `m${mask}`;
    const umask = process.umask(mask);
    try {
      await makeFolders(localDisk, join(root, name));
      await writeNew(localDisk, join(root, name, "new"), "text");
      await localDisk.replace(join(root, name, "replaced"), "text");
    } finally {
      process.umask(umask);
    }
    assert.equal(await modeOf(name), 0o700);
    for (const file of ["new", "replaced"]) assert.equal(await modeOf(join(name, file)), 0o600);
  }
});

test("no link is followed: it is listed, refused, removed or replaced as a link", async (t) => {
  const root = await temporaryFolder(t);
  const outside = await temporaryFolder(t);
  const at = (name: string) => join(root, name);
  await writeFile(join(outside, "secret"), "secret");
  const lay = async () => {
    for (const name of ["file", "dangling", "folder"]) await localDisk.remove(at(name));
    await symlink(join(outside, "secret"), at("file"));
    await symlink(join(outside, "none"), at("dangling"));
    await symlink(outside, at("folder"));
  };
  await lay();
  execFileSync("mkfifo", [at("fifo")]);
  const kinds = (await localDisk.list(root)).map(({ name, kind }) => `${name} ${kind}`);
  assert.deepEqual(kinds, ["dangling link", "fifo other", "file link", "folder link"]);
  for (const name of ["file", "dangling", "folder"]) {
    assert.equal((await localDisk.stat(at(name)))?.kind, "link");
    await assert.rejects(localDisk.open(at(name)), { message: "it is not a plain file" });
    await assert.rejects(localDisk.create(at(name)), { code: "EEXIST" });
    await assert.rejects(localDisk.makeFolder(at(name)), { code: "EEXIST" });
    await assert.rejects(localDisk.rename(at("fifo"), at(name)), { code: "EEXIST" });
  }
  await assert.rejects(localDisk.open(at("fifo")), { message: "it is not a plain file" });
  assert.equal(
    await localDisk.resolve(at("file")),
    await localDisk.resolve(join(outside, "secret")),
  );
  for (const name of ["file", "dangling"]) {
    await localDisk.replace(at(name), "ours");
    assert.equal(
      (await localDisk.stat(at(name)))?.kind,
      "file",
      "the link is replaced, not its target",
    );
  }
  await lay();
  for (const name of ["file", "dangling", "folder", "fifo"]) await localDisk.remove(at(name));
  assert.deepEqual(await readdir(root), []);
  assert.equal(await readFile(join(outside, "secret"), "utf8"), "secret");
  assert.deepEqual(await readdir(outside), ["secret"]);
});

test("content is on disk before a file gets its name, and the name before the call returns", async (t) => {
  const root = await temporaryFolder(t);
  const path = join(root, "file");
  await localDisk.replace(path, "old");
  const flushes: string[] = [];
  const { fsync } = fs;
  t.mock.method(fs, "fsync", (file: number, done: (error: Error | null) => void) => {
    flushes.push(`content while the name has ${fs.readFileSync(path, "utf8")}`);
    fsync(file, done);
  });
  const probe = await open(path);
  const handles = Object.getPrototypeOf(probe) as FileHandle;
  await probe.close();
  const original = Reflect.get(handles, "sync");
  t.mock.method(handles, "sync", async function (this: FileHandle) {
    flushes.push(`folder while the name has ${fs.readFileSync(path, "utf8")}`);
    await original.apply(this);
  });
  await localDisk.replace(path, "new");
  assert.deepEqual(flushes, ["content while the name has old", "folder while the name has new"]);
  flushes.length = 0;
  await localDisk.makeFolder(join(root, "folder"));
  await localDisk.rename(join(root, "folder"), join(root, "renamed"));
  await writeNew(localDisk, join(root, "whole"), "text");
  await localDisk.flushFolder(root);
  assert.deepEqual(
    flushes.map((one) => one.split(" ")[0]),
    ["folder", "folder", "content", "folder"],
  );
});

test("the limit of open files is told as such, and nothing stays open", async (t) => {
  const root = await temporaryFolder(t);
  await writeFile(join(root, "long"), Buffer.alloc(100_000));
  const script = `
    import { localDisk } from ${JSON.stringify(join(import.meta.dirname, "local-disk.ts"))};
    import { toKeepError } from ${JSON.stringify(join(import.meta.dirname, "../errors.ts"))};
    const open = [];
    const codes = [];
    try { for (;;) open.push(await localDisk.open(${JSON.stringify(join(root, "long"))})); }
    catch (error) { codes.push(toKeepError(error).code); }
    for (const act of [() => localDisk.create(${JSON.stringify(join(root, "new"))}), () => localDisk.list(${JSON.stringify(root)})])
      await act().then(() => codes.push("done"), (error) => codes.push(toKeepError(error).code));
    for (const file of open) await file.close();
    await (await localDisk.create(${JSON.stringify(join(root, "after"))})).close();
    console.log(JSON.stringify(codes));`;
  const limited = ["-n", "64", process.execPath, "--input-type=module", "-e", script];
  const { stdout, stderr } = spawnSync(
    "bash",
    ["-c", 'ulimit "$1" "$2"; shift 2; exec "$@"', "-", ...limited],
    { encoding: "utf8" },
  );
  assert.equal(stdout.trim(), '["too-many-files","too-many-files","too-many-files"]', stderr);
  assert.deepEqual((await readdir(root)).sort(), ["after", "long"]);
  const before = (await readdir("/proc/self/fd")).length;
  for (const name of ["long", "none", "."])
    await readWhole(localDisk, join(root, name), 10).catch(() => null);
  assert.equal((await readdir("/proc/self/fd")).length, before);
});
