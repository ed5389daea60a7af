// Ports for temporary servers: below 32768, because the system gives higher ones to clients.
import { randomInt } from "node:crypto";
import { createServer } from "node:net";

const FIRST = 27_100;
const LAST = 31_999;
const TRIES = 50;

/** A port of 127.0.0.1 that was free a moment ago; the caller handles one that was taken since. */
export async function findFreePort(): Promise<number> {
  for (let left = TRIES; left > 0; left--) {
    const port = randomInt(FIRST, LAST + 1);
    if (await isPortFree(port)) return port;
  }
  throw new Error(`no free port between ${FIRST} and ${LAST}`);
}

/** Whether nobody listens on a port of 127.0.0.1 now. */
export function isPortFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => {
      resolve(false);
    });
    probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => {
      probe.close(() => {
        resolve(true);
      });
    });
  });
}
