// Starts a real mongod that lives as long as the caller wants and never longer than this process: own port, own folder
// under the system's temporary one, removed completely by stop().
import { KeepError } from "../errors.ts";
import { formatThrowawayUri } from "./mongod-args.ts";
import { killProcess, spawnOnFreePort, stopServer } from "./mongod-process.ts";
import type { Running, SpawnOptions } from "./mongod-process.ts";
import { setUpMongod } from "./mongod-setup.ts";

export interface ThrowawayOptions extends SpawnOptions {
  readonly signal?: AbortSignal;
}

/** A running server. `stop` may be called twice, and after `kill`. */
export interface ThrowawayMongod extends AsyncDisposable {
  /** With credentials and TLS options: for the driver and for MONGODB_URI. */
  readonly uri: string;
  readonly port: number;
  readonly pid: number;
  readonly dbPath: string;
  /** The server's own log. */
  readonly logPath: string;
  /** Ends the server and removes its folder. */
  stop(): Promise<void>;
  /** Ends it like a crash; the folder stays until `stop`. */
  kill(): Promise<void>;
}

/** Starts a server and returns when it accepts writes. The caller stops it; if it cannot, a watchdog does. */
export async function startMongod(options: ThrowawayOptions): Promise<ThrowawayMongod> {
  const signal = options.signal ?? new AbortController().signal;
  const running = await spawnOnFreePort(options, signal);
  try {
    await setUpMongod(options, running.port, signal);
  } catch (error) {
    await stopServer(running);
    throw new KeepError("failed", `could not set up a temporary mongod on port ${running.port}`, {
      cause: error,
    });
  }
  return handleOf(running, formatThrowawayUri(options, running.port));
}

function handleOf(running: Running, uri: string): ThrowawayMongod {
  return {
    uri,
    port: running.port,
    pid: running.pid,
    dbPath: running.paths.dbPath,
    logPath: running.paths.logPath,
    stop: () => stopServer(running),
    kill: () => killProcess(running.process),
    [Symbol.asyncDispose]: () => stopServer(running),
  };
}
