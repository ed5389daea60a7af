// How much this process yields to others on the machine: what a backup takes from the processor, the database
// beside it should not have to wait for.
import { readdirSync } from "node:fs";
import { setPriority } from "node:os";

const OWN_THREADS = "/proc/self/task";

/**
 * `nice` 0 (as others) to 19 (only what nobody else wants). On Linux each thread has its own, and new ones
 * inherit from the one that makes them: all that run by now are asked. Children inherit it too.
 */
export function yieldToOthers(nice: number): void {
  if (nice === 0) return;
  for (const thread of [0, ...ownThreads()]) {
    try {
      setPriority(thread, nice);
    } catch {
      // The thread has ended meanwhile, or whoever started us has set more: both are fine.
    }
  }
}

function ownThreads(): number[] {
  try {
    return readdirSync(OWN_THREADS).map(Number);
  } catch {
    // No /proc: the process has one priority.
    return [];
  }
}
