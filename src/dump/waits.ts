// Says what a dump waits for when a server keeps it waiting: it holds the lock of the backups meanwhile.
import type { Emit } from "../events.ts";
import { formatDuration } from "../util/units.ts";

/** Longer than anything takes on a server that is well. */
export const SAY_MS = 5_000;

/** Runs `work`, and reports what it waits for when it takes some seconds, and again when it takes minutes. */
export async function reportingWaits<T>(
  context: { readonly emit: Emit },
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const began = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const tellAfter = (ms: number) => {
    timer = setTimeout(() => {
      const waitedMs = performance.now() - began;
      tellWait(context.emit, what, waitedMs, null);
      tellAfter(waitedMs * 2);
    }, ms);
  };
  tellAfter(SAY_MS);
  try {
    return await work();
  } finally {
    clearTimeout(timer);
  }
}

/** A warning where something is found that a person may end. */
export function tellWait(emit: Emit, what: string, waitedMs: number, blocker: string | null): void {
  emit({
    kind: "log",
    level: blocker ? "warn" : "info",
    code: "server-waits",
    message: `waiting for ${what} for ${formatDuration(waitedMs)}${blocker ? `: the server waits for ${blocker}` : ""}`,
  });
}
