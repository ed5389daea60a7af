// A reachable MongoDB: the official driver for control, raw sockets for bulk data.
import { MongoClient } from "mongodb";
import { KeepError } from "../errors.ts";
import { warn } from "../events.ts";
import type { Emit } from "../events.ts";
import { createBufferPool } from "../util/buffer-pool.ts";
import type { Secret } from "../util/secret.ts";
import { connectionError, refusedAtLogin } from "./connection-error.ts";
import { explainUnreachable } from "./explain-unreachable.ts";
import { inspectServer } from "./inspect.ts";
import { plainUri } from "./plain-uri.ts";
import type { PlainUri } from "./plain-uri.ts";
import type { Inspection } from "./inspect.ts";
import type { ServerInfo } from "./server-info.ts";
import { takeSocket } from "./socket-takeover.ts";
import type { Member, ServerChoice, SocketLimits } from "./socket-takeover.ts";
import { WireConnection } from "./wire.ts";

export interface RawConnection extends Disposable {
  readonly wire: WireConnection;
  readonly limits: SocketLimits;
  readonly member: Member;
}

export interface Deployment extends AsyncDisposable {
  readonly client: MongoClient;
  readonly server: ServerInfo;
  /** Replica set name, or host:port of a standalone server or router: identifies backups of one server. */
  readonly identity: string;
  /** How another program connects to this server as this user. */
  readonly forPrograms: PlainUri;
  /** A server that only resembles MongoDB is read with plain cursors, without an instant. */
  readonly isLookalike: boolean;
  /**
   * Another authenticated socket for bulk data to the chosen server; null if it cannot be taken over (logged once):
   * then use public cursors.
   */
  openRaw(choice: ServerChoice): Promise<RawConnection | null>;
  /** The same for streams of documents; null for a server that only resembles MongoDB, which does not support them. */
  openReader(choice: ServerChoice): Promise<RawConnection | null>;
}

export interface DeploymentContext {
  readonly emit: Emit;
  /** Closes every connection when it aborts. */
  readonly signal: AbortSignal;
}

const SELECTION_MS = 10_000;
/** The driver's connections, for commands; documents use separate connections. */
const MOST_CONNECTIONS = 16;
/** A server that sends nothing for this long while a reply is due counts as lost. */
const SILENCE_MS = 120_000;
/** Two collections at a time, one batch read and one batch compressed for each, of at most 16 MB + overhead. */
const POOL_BYTES = 48 * 1024 * 1024;

/**
 * Connects, logs in and detects the kind of server. @throws KeepError unreachable, login-failed (exit 6), bad-setting
 * (exit 2)
 */
export async function openDeployment(uri: Secret, context: DeploymentContext): Promise<Deployment> {
  context.signal.throwIfAborted();
  const client = createClient(uri);
  const stop = () => void client.close();
  context.signal.addEventListener("abort", stop, { once: true });
  try {
    await logIn(client);
    const inspected = await inspectServer(client);
    const { topology, setName } = inspected.info;
    const found = topology === "replicaSet" ? setName : null;
    return deploymentOf(client, inspected, plainUri(uri, client.options, found), context);
  } catch (error) {
    await client.close();
    context.signal.throwIfAborted();
    throw (
      (await explainUnreachable(error, uri, client, context.signal)) ??
      connectionError(error) ??
      error
    );
  } finally {
    context.signal.removeEventListener("abort", stop);
  }
}

/** Only the login has happened so far, so any refusal concerns the login. */
async function logIn(client: MongoClient): Promise<void> {
  try {
    await client.connect();
  } catch (error) {
    throw connectionError(error) ? error : (refusedAtLogin(error) ?? error);
  }
}

function createClient(uri: Secret): MongoClient {
  try {
    return new MongoClient(uri.reveal(), {
      appName: "mongokeep",
      ...defaultUnlessNamed(uri, "serverSelectionTimeoutMS", SELECTION_MS),
      ...defaultUnlessNamed(uri, "connectTimeoutMS", SELECTION_MS),
      // Each one needs a descriptor, and more at once are not faster.
      ...defaultUnlessNamed(uri, "maxPoolSize", MOST_CONNECTIONS),
      // The job decides what to retry; an automatic retry of a write after a fail-over could hide a lost one.
      retryWrites: false,
      // An application's URI may set these for its own short queries. An index build takes as long as it takes, and a
      // lagging secondary would list old collections.
      socketTimeoutMS: 0,
      readPreference: "primaryPreferred",
      readPreferenceTags: [],
    });
  } catch (error) {
    throw connectionError(error) ?? error;
  }
}

/** Limits in the URI override ours. */
function defaultUnlessNamed(
  uri: Secret,
  option: "serverSelectionTimeoutMS" | "connectTimeoutMS" | "maxPoolSize",
  value: number,
) {
  const named = new RegExp(`[?&]${option}=`, "i").test(uri.reveal());
  return named ? {} : { [option]: value };
}

function deploymentOf(
  client: MongoClient,
  { info, identity, isLookalike }: Inspection,
  forPrograms: PlainUri,
  context: DeploymentContext,
): Deployment {
  const pool = createBufferPool(POOL_BYTES);
  const open = new Set<WireConnection>();
  let unavailable = false;
  // A hanging server must not delay the user who pressed Ctrl-C.
  const stop = () => {
    for (const wire of open) wire.close();
    void client.close();
  };
  context.signal.addEventListener("abort", stop, { once: true });
  return {
    client,
    server: info,
    identity,
    forPrograms,
    isLookalike,
    async openReader(choice) {
      return isLookalike ? null : await this.openRaw(choice);
    },
    async openRaw(choice) {
      if (unavailable) return null;
      try {
        const taken = await takeSocket(client, choice, client.options.serverSelectionTimeoutMS);
        const wire = new WireConnection(taken, pool, SILENCE_MS);
        open.add(wire);
        return {
          wire,
          limits: taken.limits,
          member: { address: taken.address, name: taken.name, isSecondary: taken.isSecondary },
          [Symbol.dispose]: () => {
            open.delete(wire);
            wire.close();
            // Frees the buffers for the verification that follows a dump.
            if (open.size === 0) pool.clear();
          },
        };
      } catch (error) {
        const known = knownFailure(error);
        if (known) throw known;
        unavailable = true;
        warn(
          context.emit,
          "no-raw-socket",
          `reading through public cursors, which is slower: ${error instanceof Error ? error.message : String(error)}`,
        );
        return null;
      }
    },
    async [Symbol.asyncDispose]() {
      context.signal.removeEventListener("abort", stop);
      await client.close();
    },
  };
}

/** Errors that public cursors would also meet; any other error means that no socket can be taken over. */
function knownFailure(error: unknown): KeepError | undefined {
  if (error instanceof KeepError && error.code === "unreachable") return error;
  return connectionError(error);
}
