// Ports for servers that a test starts, stops and starts again: nobody else takes them meanwhile. Temporary
// servers take theirs from another range (src/tools/free-port.ts), and try another one where they were second.
import { randomInt } from "node:crypto";
import { mkdir, open, rm } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { isPortFree } from "../../src/tools/free-port.ts";
import { atEnd } from "./temporary.ts";
import type { Cleanup } from "./temporary.ts";

const FIRST = 20_000;
const LAST = 27_099;
const TRIES = 200;
/** An empty file for each port that is taken. */
const FOLDER = join(tmpdir(), `mongokeep-test-ports-${userInfo().uid}`);

/** The test's own until it is over. */
export async function reservePort(t: Cleanup): Promise<number> {
  await mkdir(FOLDER, { recursive: true });
  for (let left = TRIES; left > 0; left--) {
    const port = randomInt(FIRST, LAST + 1);
    const mark = join(FOLDER, String(port));
    if (!(await take(mark))) continue;
    if (await isPortFree(port)) {
      atEnd(t, () => rm(mark, { force: true }));
      return port;
    }
    await rm(mark, { force: true });
  }
  throw new Error(`no free port between ${FIRST} and ${LAST}`);
}

/** What a process left behind that was killed is passed by: there are more. */
async function take(mark: string): Promise<boolean> {
  try {
    const file = await open(mark, "wx");
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}
