// stdout or stderr as a destination for output, which never affects the work. A full disk, a closed pipe or a stopped
// reader loses text and nothing else: no write throws, and none waits.
import { constants, fstatSync, openSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const { O_WRONLY, O_NONBLOCK, O_NOCTTY } = constants;
const RETRY_MS = 20;
/** Text that a stopped reader has not taken; a slow one needs far less. */
const MOST_WAITING_BYTES = 8 * 1024 * 1024;
/** The reader closed the pipe, or the terminal is gone. */
const CLOSED: readonly (string | undefined)[] = ["EPIPE", "EBADF"];
const LATER: readonly (string | undefined)[] = ["EAGAIN", "EINTR"];

export interface StandardStream {
  /** Writes as much as possible now, and keeps the rest for later. */
  write(text: string): void;
  /**
   * Resolves when everything is written. Gives up if the stream is closed, or accepts nothing for `patienceMs`. Returns
   * whether somebody can still read it. @throws what `signal` aborts with
   */
  flush(patienceMs: number, signal?: AbortSignal): Promise<boolean>;
  /** The first error that lost text, except a closed pipe (for example a full disk). */
  readonly problem: NodeJS.ErrnoException | null;
}

/** `write` works like `fs.writeSync` on a non-blocking descriptor. */
export function createStandardStream(write: (bytes: Buffer) => number): StandardStream {
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let closed = false;
  let problem: NodeJS.ErrnoException | null = null;
  let timer: NodeJS.Timeout | null = null;

  const forget = () => {
    waiting = [];
    waitingBytes = 0;
  };
  const onError = (error: NodeJS.ErrnoException) => {
    if (LATER.includes(error.code)) {
      timer ??= setTimeout(drain, RETRY_MS).unref();
      return;
    }
    if (CLOSED.includes(error.code)) closed = true;
    else problem ??= error;
    // The next text is tried again: the disk may have space by then.
    forget();
  };
  const drain = () => {
    timer = null;
    for (let first = waiting[0]; first; first = waiting[0]) {
      try {
        const written = write(first);
        waitingBytes -= written;
        if (written === first.length) waiting.shift();
        else waiting[0] = first.subarray(written);
      } catch (error) {
        onError(error as NodeJS.ErrnoException);
        return;
      }
    }
  };
  return {
    get problem() {
      return problem;
    },
    write: (text) => {
      if (closed || text === "" || waitingBytes > MOST_WAITING_BYTES) return;
      const bytes = Buffer.from(text);
      waiting.push(bytes);
      waitingBytes += bytes.length;
      if (timer === null) drain();
    },
    flush: async (patienceMs, signal) => {
      let [left, since] = [waitingBytes, performance.now()];
      while (waitingBytes > 0) {
        if (waitingBytes < left) [left, since] = [waitingBytes, performance.now()];
        if (performance.now() - since >= patienceMs) return false;
        await sleep(RETRY_MS, undefined, { signal }).catch(() => {
          signal?.throwIfAborted();
        });
        drain();
      }
      return !closed;
    },
  };
}

/** The process's own stdout (1) or stderr (2). */
export function openStandardStream(fd: 1 | 2): StandardStream {
  let own: number | null = null;
  return createStandardStream((bytes) => {
    own ??= openWithoutBlocking(fd);
    return writeSync(own, bytes);
  });
}

/**
 * A non-blocking descriptor of the same pipe or terminal. Otherwise a stopped reader, or Ctrl-S, would block the whole
 * process, perhaps with the service stopped. It is a new descriptor, because the flag would also affect other programs
 * that share the old one.
 */
function openWithoutBlocking(fd: 1 | 2): number {
  try {
    const found = fstatSync(fd);
    if (!found.isFIFO() && !found.isCharacterDevice()) return fd;
    return openSync(`/proc/self/fd/${fd}`, O_WRONLY | O_NONBLOCK | O_NOCTTY);
  } catch {
    // No /proc, another user's terminal, a pipe without a reader: Node's stream sets the flag on the shared one.
    const { fd: shared } = fd === 1 ? process.stdout : process.stderr;
    return shared;
  }
}
