// Says what a dump waits for when a server keeps it waiting: it holds the lock of the backups meanwhile.
import type { Emit } from "../events.ts";
import { findBlocker } from "../mongo/blockers.ts";
import type { Blocker } from "../mongo/blockers.ts";
import type { Deployment } from "../mongo/deployment.ts";
import { formatDuration } from "../util/units.ts";

/** Longer than anything takes on a server that is well. */
export const SAY_MS = 5_000;

/** Runs `work`, and reports what it waits for when it takes some seconds, and again when it takes minutes. */
export async function reportingWaits<T>(
  context: { readonly emit: Emit },
  deployment: Pick<Deployment, "client">,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const began = performance.now();
  let timer: NodeJS.Timeout;
  let done = false;
  const tell = async (delayMs: number) => {
    const blocker = await findBlocker(deployment.client);
    if (done) return;
    tellWait(context.emit, what, performance.now() - began, blocker);
    timer = setTimeout(() => void tell(delayMs * 3), delayMs * 2);
  };
  timer = setTimeout(() => void tell(SAY_MS), SAY_MS);
  try {
    return await work();
  } finally {
    done = true;
    clearTimeout(timer);
  }
}

/** A warning where something is found that a person may end. */
export function tellWait(
  emit: Emit,
  what: string,
  waitedMs: number,
  blocker: Blocker | null,
): void {
  emit({
    kind: "log",
    level: blocker ? "warn" : "info",
    code: "server-waits",
    message: `waiting for ${what} for ${formatDuration(waitedMs)}${blocker ? `: the server waits for ${blocker.text}` : ""}`,
  });
}
