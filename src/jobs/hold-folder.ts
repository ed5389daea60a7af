// The lock of BACKUP_DIR, held for as long as a job works there.
import { acquireLock } from "../archive/lock.ts";
import type { LockRequest } from "../archive/lock.ts";
import type { JobContext } from "./context.ts";

export interface HeldFolder extends AsyncDisposable {
  /** The job's context from here on: it also ends when the lock is lost. */
  readonly context: JobContext;
}

/** Held until it is disposed. @throws KeepError locked */
export async function holdFolder(
  context: JobContext,
  request: Pick<LockRequest, "command" | "waitMs">,
): Promise<HeldFolder> {
  const { settings, signal, emit, clock } = context;
  const lock = await acquireLock(settings.backupDir, { ...request, signal, emit, clock });
  const either = AbortSignal.any([signal, lock.lost]);
  return {
    context: {
      ...context,
      signal: either,
      assertHeld: () => lock.assertHeld(),
      connect: (own = either) => context.connect(own),
    },
    [Symbol.asyncDispose]: () => lock[Symbol.asyncDispose](),
  };
}
