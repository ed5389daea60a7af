// The environment of a case: servers that all cases share, folders of its own, and cleanup at its end.
import { startMongod } from "../../src/tools/throwaway-mongod.ts";
import type { ThrowawayMongod } from "../../src/tools/throwaway-mongod.ts";
import { createRandom } from "../../tests/support/random.ts";
import type { Random } from "../../tests/support/random.ts";
import { mongod } from "../../tests/support/servers.ts";
import type { Cleanup } from "../../tests/support/temporary.ts";

/** Servers of the whole run, started when a case asks for them. Cases keep to databases of their own. */
export interface Servers extends AsyncDisposable {
  /** URI of a replica set of one, with test commands: the live data. */
  live(): Promise<string>;
  /** URI of another one, into which backups are restored to be judged. */
  second(): Promise<string>;
}

export interface Ground extends Cleanup {
  readonly servers: Servers;
  readonly quick: boolean;
  /** For the data that all trials share. */
  readonly random: Random;
  /** A line of progress, for what takes long. */
  say(line: string): void;
}

/** A ground and the way to leave it: `leave` runs what was registered, last one first. */
export interface EnteredGround {
  readonly ground: Ground;
  leave(): Promise<void>;
}

export function enterGround(
  servers: Servers,
  options: { readonly quick: boolean; readonly seed: number; readonly say: (line: string) => void },
): EnteredGround {
  const undo: (() => Promise<void>)[] = [];
  const ground: Ground = {
    servers,
    quick: options.quick,
    random: createRandom(options.seed),
    say: options.say,
    after: (run) => void undo.push(run),
  };
  return {
    ground,
    async leave() {
      for (let next = undo.pop(); next; next = undo.pop()) await next();
    },
  };
}

export function createServers(): Servers {
  const started = new Map<string, Promise<ThrowawayMongod>>();
  const serve = async (name: string) => {
    const known = started.get(name) ?? startServer();
    started.set(name, known);
    return (await known).uri;
  };
  return {
    live: () => serve("live"),
    second: () => serve("second"),
    async [Symbol.asyncDispose]() {
      for (const server of started.values()) await (await server).stop();
    },
  };
}

async function startServer(): Promise<ThrowawayMongod> {
  const { path } = await mongod();
  return await startMongod({
    binary: path,
    topology: "replicaSet",
    testCommands: true,
    cacheGigabytes: 0.5,
  });
}
