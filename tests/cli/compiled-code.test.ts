// Where the command keeps compiled code: code that others could put there would run as the user of the backups.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, cp, mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { temporaryFolder } from "../support/temporary.ts";
import type { Cleanup } from "../support/temporary.ts";

const run = promisify(execFile);

/** The real command before a program of one line, which Node would compile. */
async function place(t: Cleanup) {
  const folder = await temporaryFolder(t);
  const [home, tmp] = [join(folder, "home"), join(folder, "tmp")];
  for (const path of ["bin", "dist/cli", "home", "tmp"])
    await mkdir(join(folder, path), { recursive: true });
  await cp(resolve(import.meta.dirname, "../../bin"), join(folder, "bin"), { recursive: true });
  await writeFile(join(folder, "dist/cli/main.js"), "console.log('ran');\n");
  await writeFile(join(folder, "package.json"), '{"type": "module"}');
  const start = async () => {
    const env = { HOME: home, TMPDIR: tmp };
    const main = join(folder, "bin/mongokeep.cjs");
    const { stdout } = await run(process.execPath, [main], { env });
    assert.equal(stdout, "ran\n");
  };
  return { home, tmp, start, cache: join(home, ".cache/mongokeep/compiled") };
}

const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);

test("compiled code is kept in a folder of the user's own, and nothing in the one that all share", async (t) => {
  const { tmp, start, cache } = await place(t);
  await start();
  assert.deepEqual(await readdir(tmp), []);
  assert.equal(await modeOf(cache), "700");
  const [versions = ""] = await readdir(cache);
  assert.equal(await modeOf(join(cache, versions)), "700");
});

test("compiled code in a folder that others may write to is neither read nor kept", async (t) => {
  const { start, cache } = await place(t);
  await mkdir(cache, { recursive: true });
  await chmod(cache, 0o777);
  await start();
  assert.deepEqual(await readdir(cache), []);
});

test("without a home that can be written to the command runs all the same", async (t) => {
  const { home, start } = await place(t);
  await writeFile(join(home, ".cache"), "a file");
  await start();
});
