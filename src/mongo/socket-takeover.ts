// Takes over an authenticated socket from the official driver, including TLS and every login mechanism. The ONLY place
// that uses the driver's internals (mongodb/lib). The driver is pinned to an exact version, and socket-takeover.test.ts
// fails if an upgrade moves what is used here.
import { createRequire } from "node:module";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { MongoClient, ReadPreferenceLike } from "mongodb";
import { KeepError } from "../errors.ts";

/** The server's reply to the greeting on this socket. */
export interface SocketLimits {
  readonly maxBsonObjectSize: number;
  readonly maxMessageSizeBytes: number;
  readonly maxWriteBatchSize: number;
}

export interface TakenSocket {
  readonly socket: Socket;
  readonly limits: SocketLimits;
  readonly address: string;
  /** The server's own name, which distinguishes members behind one address. */
  readonly name: string;
  readonly isSecondary: boolean;
  /** Must be sent with each command if the client declares a server API version. */
  readonly apiVersion: string | null;
}

interface DriverConnection {
  socket: Socket;
  messageStream: NodeJS.WritableStream;
  hello: Record<string, unknown> | null;
  destroy(): void;
}
interface DriverInternals {
  s: { authProviders: unknown };
  options: Record<string, unknown> & { serverApi?: { version: string } };
  topology?: {
    selectServer(
      selector: ReadPreferenceLike | ServerSelector,
      options: {
        operationName: string;
        serverSelectionTimeoutMS: number;
        deprioritizedServers: { has(server: { readonly address: string }): boolean };
      },
    ): Promise<{ description: { hostAddress: { toString(): string } } }>;
  };
}
interface ServerDescription {
  readonly address: string;
  readonly type: string;
}
type ServerSelector = (
  topology: unknown,
  servers: readonly ServerDescription[],
) => ServerDescription[];
type Connect = (options: Record<string, unknown>) => Promise<DriverConnection>;

const require = createRequire(import.meta.url);
const { HostAddress } = require("mongodb/lib/utils.js") as {
  HostAddress: { fromString(host: string): unknown };
};
let nextId = 1;

function loadConnect(): Connect {
  const module = require("mongodb/lib/cmap/connect.js") as { connect?: Connect };
  if (typeof module.connect !== "function")
    throw new KeepError("internal", "the driver's connect function is not where it was");
  return module.connect;
}

const numberOr = (value: unknown, fallback: number) =>
  typeof value === "number" ? value : fallback;

/** One server of a deployment, whatever its current role. */
export interface Member {
  readonly address: string;
  readonly name: string;
  /** When it was asked. */
  readonly isSecondary: boolean;
}

/** By read preference, but members at the addresses to avoid only if there is no other one. */
export interface Preference {
  readonly prefer: ReadPreferenceLike;
  /** `host:port` in lower case. */
  readonly avoid: ReadonlySet<string>;
}

/** The driver's selection by its own rules, or this one member. */
export type ServerChoice = ReadPreferenceLike | Preference | Member;

const isMember = (choice: ServerChoice): choice is Member =>
  typeof choice === "object" && "address" in choice;

const isPreference = (choice: ServerChoice): choice is Preference =>
  typeof choice === "object" && "avoid" in choice;

function selectorOf(choice: ServerChoice): ReadPreferenceLike | ServerSelector {
  if (isPreference(choice)) return choice.prefer;
  if (!isMember(choice)) return choice;
  return (_, servers) =>
    servers.filter(({ address, type }) => address === choice.address && type !== "Unknown");
}

/**
 * Opens one more connection to the chosen server. Errors are the driver's; a KeepError "internal" means that the
 * take-over does not work with this driver, and the caller falls back to public cursors.
 */
export async function takeSocket(
  client: MongoClient,
  choice: ServerChoice,
  timeoutMs: number,
): Promise<TakenSocket> {
  const connect = loadConnect();
  const inner = client as unknown as DriverInternals;
  if (!inner.topology) throw new KeepError("internal", "the driver has no topology to select from");
  const server = await inner.topology.selectServer(selectorOf(choice), {
    operationName: "find",
    serverSelectionTimeoutMS: timeoutMs,
    deprioritizedServers: {
      has: ({ address }) => isPreference(choice) && choice.avoid.has(address.toLowerCase()),
    },
  });
  const { hostAddress } = server.description;
  const connection = await connect({
    ...inner.options,
    // A compressed reply could not be read in place.
    compressors: [],
    hostAddress,
    id: nextId++,
    generation: 0,
    authProviders: inner.s.authProviders,
  });
  const taken = detach(
    connection,
    hostAddress.toString(),
    inner.options.serverApi?.version ?? null,
  );
  if (!isMember(choice) || taken.name === choice.name) return taken;
  taken.socket.destroy();
  throw new KeepError("unreachable", `${choice.name} is gone: ${taken.name} answers in its place`);
}

/**
 * What the server at `host:port` says about itself, whatever its role; this needs no login. Errors are the driver's.
 * Leaves nothing open.
 */
export async function greet(
  client: MongoClient,
  host: string,
  timeoutMs: number,
): Promise<Record<string, unknown>> {
  const inner = client as unknown as DriverInternals;
  const connecting = loadConnect()({
    ...inner.options,
    compressors: [],
    hostAddress: HostAddress.fromString(host),
    id: nextId++,
    generation: 0,
    authProviders: inner.s.authProviders,
    credentials: undefined,
    connectTimeoutMS: timeoutMs,
  });
  const greeted = connecting.then((connection) => {
    connection.destroy();
    return connection.hello ?? {};
  });
  // The driver's own limit does not include the DNS look-up.
  const late = new AbortController();
  const overdue = sleep(timeoutMs, undefined, { signal: late.signal }).then(() => {
    throw new KeepError("unreachable", `${host} did not answer within ${timeoutMs} ms`);
  });
  overdue.catch(() => undefined);
  greeted.catch(() => undefined);
  try {
    return await Promise.race([greeted, overdue]);
  } finally {
    late.abort();
  }
}

function detach(
  connection: DriverConnection,
  address: string,
  apiVersion: string | null,
): TakenSocket {
  const { socket, hello } = connection;
  socket.unpipe(connection.messageStream);
  socket.removeAllListeners("data");
  // The silence limit is in wire.ts: the driver's would also count while mongokeep is the slow side.
  socket.setTimeout(0);
  return {
    socket,
    address,
    name: typeof hello?.me === "string" ? hello.me : address,
    isSecondary: hello?.secondary === true,
    apiVersion,
    limits: {
      maxBsonObjectSize: numberOr(hello?.maxBsonObjectSize, 16_777_216),
      maxMessageSizeBytes: numberOr(hello?.maxMessageSizeBytes, 48_000_000),
      maxWriteBatchSize: numberOr(hello?.maxWriteBatchSize, 100_000),
    },
  };
}
