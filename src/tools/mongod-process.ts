// The process of a temporary mongod: a free port, a folder of its own, a start that is awaited, and an end that always
// happens.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { KeepError } from "../errors.ts";
import { childEnvironment, withPrivateUmask } from "../util/child-environment.ts";
import { makeTempFolder } from "../util/process-folders.ts";
import { findFreePort } from "./free-port.ts";
import { formatMongodArgs } from "./mongod-args.ts";
import type { ThrowawayPaths, ThrowawayShape } from "./mongod-args.ts";
import { startWatchdog } from "./watchdog.ts";
import type { Watchdog } from "./watchdog.ts";

export interface SpawnOptions extends ThrowawayShape {
  /** Path of a mongod, see `findMongod`. */
  readonly binary: string;
  /** Default: a free one below 32768. */
  readonly port?: number;
  /** The parent of its folder; default: the system's temporary folder. */
  readonly parentFolder?: string;
}

/** "listening", or how a server ended before that. */
type Outcome =
  | { readonly state: "listening" }
  | { readonly state: "ended"; readonly exitCode: number | null; readonly how: string };

export interface Running {
  readonly process: ChildProcess;
  readonly pid: number;
  readonly port: number;
  readonly folder: string;
  readonly paths: ThrowawayPaths;
  readonly watchdog: Watchdog;
}

const START_TRIES = 5;
const START_TIMEOUT_MS = 60_000;
/** mongod's exit code when it cannot listen. */
const EXIT_PORT_TAKEN = 48;

/** Another process may take a free port before mongod listens on it: then try the next one. */
export async function spawnOnFreePort(
  options: SpawnOptions,
  signal: AbortSignal,
): Promise<Running> {
  for (let left = START_TRIES - 1; ; left--) {
    signal.throwIfAborted();
    const running = await spawnMongod(options, options.port ?? (await findFreePort()));
    const outcome = await untilListening(running, signal).catch(async (error: unknown) => {
      await stopServer(running);
      throw error;
    });
    if (outcome.state === "listening") return running;
    const log = await readLogTail(running.paths.logPath);
    await stopServer(running);
    const mayRetry = outcome.exitCode === EXIT_PORT_TAKEN && options.port === undefined && left > 0;
    if (!mayRetry) throw failedStart(options.binary, running.port, outcome.how, log);
  }
}

async function spawnMongod(options: SpawnOptions, port: number): Promise<Running> {
  const folder = await makeTempFolder("mongod-", options.parentFolder);
  const paths = await prepareFolder(folder);
  // A process group of its own: mongokeep handles Ctrl-C, not the server.
  const child = withPrivateUmask(() =>
    spawn(options.binary, formatMongodArgs(options, paths, port), {
      stdio: "ignore",
      detached: true,
      cwd: folder,
      env: childEnvironment(),
    }),
  );
  if (child.pid === undefined) {
    const [error] = (await once(child, "error")) as [Error];
    await rm(folder, { recursive: true, force: true });
    throw new KeepError("mongod-missing", `${options.binary} cannot be run: ${error.message}`, {
      cause: error,
    });
  }
  const watchdog = startWatchdog(child.pid, folder);
  child.once("exit", () => {
    watchdog.serverEnded();
  });
  child.unref();
  return { process: child, pid: child.pid, port, folder, paths, watchdog };
}

async function prepareFolder(folder: string): Promise<ThrowawayPaths> {
  const paths = {
    dbPath: join(folder, "data"),
    logPath: join(folder, "mongod.log"),
    keyFile: join(folder, "keyfile"),
  };
  await mkdir(paths.dbPath, { mode: 0o700 });
  await writeFile(paths.keyFile, randomBytes(96).toString("base64"), { mode: 0o600 });
  return paths;
}

async function untilListening(running: Running, signal: AbortSignal): Promise<Outcome> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const { exitCode, signalCode } = running.process;
    if (exitCode !== null || signalCode !== null) {
      return { state: "ended", exitCode, how: `ended with ${exitCode ?? signalCode ?? "nothing"}` };
    }
    // Another server on that port would also answer, so wait for the message in our own server's log.
    if ((await canConnect(running.port)) && (await saysItListens(running.paths.logPath))) {
      return { state: "listening" };
    }
    if (performance.now() > deadline) {
      return { state: "ended", exitCode: null, how: "did not listen in time" };
    }
    await sleep(25, undefined, { signal });
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const settle = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", () => {
      settle(true);
    });
    socket.once("error", () => {
      settle(false);
    });
  });
}

async function saysItListens(logPath: string): Promise<boolean> {
  return (await readLog(logPath)).includes("Waiting for connections");
}

/** Empty until the server has opened it. */
function readLog(logPath: string): Promise<string> {
  return readFile(logPath, "utf8").catch(() => "");
}

async function readLogTail(logPath: string): Promise<string> {
  const problems = (await readLog(logPath)).split("\n").filter((line) => /"s":"[EF]"/.test(line));
  return problems.slice(-3).join("\n");
}

function failedStart(binary: string, port: number, how: string, log: string): KeepError {
  return new KeepError("failed", `${binary} on port ${port} ${how}`, {
    cause: log === "" ? undefined : new Error(log),
  });
}

/** Ends the server, removes its folder, ends the watchdog. May be called again. */
export async function stopServer(running: Running): Promise<void> {
  // Its data are deleted anyway: an orderly shutdown would cost a second for a replica set.
  await killProcess(running.process);
  await rm(running.folder, { recursive: true, force: true });
  running.watchdog.dismiss();
}

/** SIGKILL; waits until the process is gone. */
export async function killProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.ref();
  const ended = once(child, "exit");
  child.kill("SIGKILL");
  await ended;
}
