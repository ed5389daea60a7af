// A fetched program is used only when it is the pinned one, and appears in the cache whole or not at all.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { installPinned } from "./pinned-file.ts";

const PROGRAM = "#!/bin/sh\n";
const SHA256 = createHash("sha256").update(PROGRAM).digest("hex");

test("the pinned program is installed, runnable, and no work folder stays", async (t) => {
  const target = await targetIn(t);
  await installPinned(target, SHA256, (folder) => fetched(folder, PROGRAM));
  assert.equal(await readFile(target, "utf8"), PROGRAM);
  assert.equal((await stat(target)).mode & 0o777, 0o755);
  assert.deepEqual(await readdir(dirname(target)), ["tool"]);
});

test("another program is refused and leaves nothing", async (t) => {
  const target = await targetIn(t);
  const install = installPinned(target, SHA256, (folder) => fetched(folder, "#!/bin/evil\n"));
  await assert.rejects(install, /has SHA-256 .*, expected/);
  assert.deepEqual(await readdir(dirname(target)), []);
});

test("a damaged program in the cache is replaced", async (t) => {
  const target = await targetIn(t);
  await installPinned(target, SHA256, (folder) => fetched(folder, PROGRAM));
  await writeFile(target, "cut");
  await installPinned(target, SHA256, (folder) => fetched(folder, PROGRAM));
  assert.equal(await readFile(target, "utf8"), PROGRAM);
});

async function fetched(folder: string, content: string): Promise<string> {
  const path = join(folder, "download");
  await writeFile(path, content);
  return path;
}

async function targetIn(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "mongokeep-unit-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "cache", "tool");
}
