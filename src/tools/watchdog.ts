// Deliberately outlives this process: when this process ends in any way (including SIGKILL), the watchdog kills its
// server and removes the folder. It notices by the end of its standard input.
import { spawn } from "node:child_process";
import { Socket } from "node:net";
import { childEnvironment } from "../util/child-environment.ts";

// First line: the server's pid. A second line: the server has ended, and its pid may belong to another process.
const SCRIPT = `
trap '' INT TERM HUP
read -r pid
if read -r ended; then cat >/dev/null; else kill -KILL "$pid" 2>/dev/null; fi
for try in 1 2 3 4 5; do rm -rf -- "$1" 2>/dev/null && exit; sleep 0.2; done
`;

export interface Watchdog {
  /** The server has ended: nothing to kill any more. */
  serverEnded(): void;
  /** Everything is cleaned up: ends the watchdog. */
  dismiss(): void;
}

/** Watches the server `pid` and its folder until this process ends. Does not keep it alive. */
export function startWatchdog(pid: number, folder: string): Watchdog {
  const dog = spawn("/bin/sh", ["-c", SCRIPT, "mongokeep-watchdog", folder], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
    cwd: "/",
    env: childEnvironment(),
  });
  // A watchdog that cannot start, or was killed by hand, is no reason to fail: stop() still works.
  const ignore = () => undefined;
  dog.on("error", ignore);
  dog.stdin.on("error", ignore);
  dog.stdin.write(`${pid}\n`);
  dog.unref();
  // A pipe of spawn is a socket, although its type is only a stream.
  if (dog.stdin instanceof Socket) dog.stdin.unref();
  return {
    serverEnded: () => dog.stdin.write("ended\n"),
    dismiss: () => dog.kill("SIGKILL"),
  };
}
