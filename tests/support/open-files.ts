// Which files of a folder this process holds open: what else it opens meanwhile (pipes, sockets) is not counted.
import { readdir, readlink } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const PATIENCE_MS = 30_000;
const POLL_MS = 5;

/** Those that stay open: one that is being closed is waited for. */
export async function staysOpenIn(folder: string): Promise<string[]> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const open = await openIn(folder);
    if (open.length === 0 || performance.now() > until) return open;
    await sleep(POLL_MS);
  }
}

async function openIn(folder: string): Promise<string[]> {
  const descriptors = await readdir("/proc/self/fd");
  // The one that listed them is closed by now.
  const paths = await Promise.all(
    descriptors.map((one) => readlink(`/proc/self/fd/${one}`).catch(() => "")),
  );
  return paths.filter((path) => path === folder || path.startsWith(`${folder}/`));
}
