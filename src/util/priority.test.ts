// Every thread yields, also those that were there before and the pool that compresses.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

const PRIORITY = pathToFileURL(resolve(import.meta.dirname, "priority.ts")).href;

/** The nice value of each thread, after threads of the pool have worked. */
function niceOfThreads(nice: number): number[] {
  const script = `
    import { readdirSync, readFileSync } from "node:fs";
    import { promisify } from "node:util";
    import { gzip } from "node:zlib";
    import { yieldToOthers } from ${JSON.stringify(PRIORITY)};
    await promisify(gzip)("before");
    yieldToOthers(${nice});
    await promisify(gzip)("after");
    const niceOf = (id) => Number(readFileSync("/proc/self/task/" + id + "/stat", "utf8").split(") ")[1].split(" ")[16]);
    console.log(JSON.stringify(readdirSync("/proc/self/task").map(niceOf)));`;
  const out = execFileSync(process.execPath, ["--input-type=module", "-e", script]);
  return JSON.parse(out.toString("utf8")) as number[];
}

test("all threads of the process yield as asked", (t) => {
  if (!existsSync("/proc/self/task")) {
    t.skip("needs /proc");
    return;
  }
  const [own = 0] = niceOfThreads(0);
  const asked = Math.min(19, own + 7);
  const all = niceOfThreads(asked);
  assert.ok(all.length > 4);
  assert.deepEqual([...new Set(all)], [asked]);
});
