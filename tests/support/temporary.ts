// What a test makes goes when it is over, in the opposite order: a client before its server.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What of a test's context is needed: also fits scripts with an end of their own. */
export interface Cleanup {
  after(run: () => Promise<void>): void;
}

type Undo = () => PromiseLike<unknown>;

const stacks = new WeakMap<Cleanup, Undo[]>();

/** Runs `undo` after the test, last one first (node:test itself runs its hooks first one first). */
export function atEnd(t: Cleanup, undo: Undo): void {
  const known = stacks.get(t);
  if (known) {
    known.push(undo);
    return;
  }
  const stack = [undo];
  stacks.set(t, stack);
  t.after(async () => {
    const failures: unknown[] = [];
    // All of them, whatever fails: a server left behind would keep the whole run from ending.
    for (let next = stack.pop(); next; next = stack.pop()) {
      try {
        await next();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  });
}

/** A new folder that is removed after the test. */
export async function temporaryFolder(t: Cleanup): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "mongokeep-test-"));
  atEnd(t, () => rm(folder, { recursive: true, force: true }));
  return folder;
}
