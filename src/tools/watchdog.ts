// Outlives us on purpose: when this process is gone, however it went (SIGKILL too), the server that it
// started is killed and its folder removed. It learns of our end by the end of its standard input.
import { spawn } from "node:child_process";
import { Socket } from "node:net";
import { childEnvironment } from "../util/child-environment.ts";

// First line: the server's pid. A second line: the server has ended, its pid may belong to another by now.
const SCRIPT = `
trap '' INT TERM HUP
read -r pid
if read -r ended; then cat >/dev/null; else kill -KILL "$pid" 2>/dev/null; fi
for try in 1 2 3 4 5; do rm -rf -- "$1" 2>/dev/null && exit; sleep 0.2; done
`;

export interface Watchdog {
  /** The server has ended: nothing to kill any more. */
  serverEnded(): void;
  /** Everything is cleaned up: the watchdog goes. */
  dismiss(): void;
}

/** Watches over the server `pid` and its folder until this process ends. Does not keep it alive. */
export function startWatchdog(pid: number, folder: string): Watchdog {
  const dog = spawn("/bin/sh", ["-c", SCRIPT, "mongokeep-watchdog", folder], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
    cwd: "/",
    env: childEnvironment(),
  });
  // A watchdog that cannot be started, or was killed by hand, is no reason to fail: stop() still works.
  const ignore = () => undefined;
  dog.on("error", ignore);
  dog.stdin.on("error", ignore);
  dog.stdin.write(`${pid}\n`);
  dog.unref();
  // A pipe of spawn is a socket, though the types know only its stream side.
  if (dog.stdin instanceof Socket) dog.stdin.unref();
  return {
    serverEnded: () => dog.stdin.write("ended\n"),
    dismiss: () => dog.kill("SIGKILL"),
  };
}
