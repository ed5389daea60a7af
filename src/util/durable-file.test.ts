import assert from "node:assert/strict";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import { replaceFile } from "./durable-file.ts";

test("a file that could not be replaced leaves nothing beside it", async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, "taken", "full"), { recursive: true });
  await assert.rejects(replaceFile(join(folder, "taken"), "new"));
  assert.deepEqual(await readdir(folder), ["taken"]);
});

test("a file is replaced in one step", async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, "file"), "old");
  await replaceFile(join(folder, "file"), "new");
  assert.equal(await readFile(join(folder, "file"), "utf8"), "new");
  assert.deepEqual(await readdir(folder), ["file"]);
});
