// What the command does before its program: it keeps compiled code where others cannot put any, which would run as the
// user of the backups, and makes room for many files that wait for the disk.
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
async function place(t: Cleanup, program = "console.log('ran');\n") {
  const folder = await temporaryFolder(t);
  const [home, tmp] = [join(folder, "home"), join(folder, "tmp")];
  for (const path of ["bin", "dist/cli", "home", "tmp"])
    await mkdir(join(folder, path), { recursive: true });
  await cp(resolve(import.meta.dirname, "../../bin"), join(folder, "bin"), { recursive: true });
  await writeFile(join(folder, "dist/cli/main.js"), program);
  await writeFile(join(folder, "package.json"), '{"type": "module"}');
  const say = async (more: Readonly<Record<string, string>> = {}) => {
    const env = { HOME: home, TMPDIR: tmp, ...more };
    const main = join(folder, "bin/mongokeep.cjs");
    return (await run(process.execPath, [main], { env })).stdout.trimEnd();
  };
  const start = async () => {
    assert.equal(await say(), "ran");
  };
  return { home, tmp, start, say, cache: join(home, ".cache/mongokeep/compiled") };
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

test("many files can wait for the disk at once, unless the user says how many; programs that we start do not hear of it", async (t) => {
  const program = `import { readdirSync } from "node:fs";
const tasks = process.platform === "linux" ? readdirSync("/proc/self/task").length : 0;
console.log(JSON.stringify({ tasks, inherited: process.env.UV_THREADPOOL_SIZE ?? null }));
`;
  const { say } = await place(t, program);
  const told = async (more?: Readonly<Record<string, string>>) =>
    JSON.parse(await say(more)) as { tasks: number; inherited: string | null };
  const [ours, theirs] = [await told(), await told({ UV_THREADPOOL_SIZE: "1" })];
  assert.equal(ours.inherited, null);
  assert.equal(theirs.inherited, "1");
  if (process.platform === "linux") assert.ok(ours.tasks >= theirs.tasks + 8, JSON.stringify({ ours, theirs })); // prettier-ignore
});
