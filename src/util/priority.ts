// How much processor time this process leaves to others: the database on the same machine should not wait for a backup.
import { readdirSync } from "node:fs";
import { setPriority } from "node:os";

const OWN_THREADS = "/proc/self/task";

/**
 * `nice` 0 (same as others) to 19 (only idle time). On Linux each thread has its own, and new ones inherit it from
 * their creator, so all running threads are set. Child processes inherit it too.
 */
export function yieldToOthers(nice: number): void {
  if (nice === 0) return;
  for (const thread of [0, ...ownThreads()]) {
    try {
      setPriority(thread, nice);
    } catch {
      // The thread has ended, or a higher value was already set: both are fine.
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
