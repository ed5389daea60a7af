// A MongoDB that answers: the official driver for control, raw sockets for bulk data.
import { MongoClient } from "mongodb";
import { KeepError } from "../errors.ts";
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
  /** Replica set name, or host:port of a standalone or router: what backups of one server share. */
  readonly identity: string;
  /** How another program reaches this server as this user. */
  readonly forPrograms: PlainUri;
  /** What only resembles MongoDB is read by plain cursors, and promises no instant. */
  readonly isLookalike: boolean;
  /**
   * Another authenticated socket for bulk data, to the server that is chosen;
   * null where it cannot be taken over (said once in the log): use public cursors then.
   */
  openRaw(choice: ServerChoice): Promise<RawConnection | null>;
  /** The same for streams of documents, which a lookalike does not know: null there. */
  openReader(choice: ServerChoice): Promise<RawConnection | null>;
}

export interface DeploymentContext {
  readonly emit: Emit;
  /** Closes every connection when it aborts. */
  readonly signal: AbortSignal;
}

const SELECTION_MS = 10_000;
/** Of the driver, for commands; documents go over connections of their own. */
const MOST_CONNECTIONS = 16;
/** A server that sends nothing for so long while an answer is due is lost. */
const SILENCE_MS = 120_000;
/** Two collections at a time, a batch read and a batch compressed each, of at most 16 MB + overhead. */
const POOL_BYTES = 48 * 1024 * 1024;

/**
 * Connects, logs in and asks what the server is.
 * @throws KeepError unreachable, login-failed (exit 6), bad-setting (exit 2)
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

/** Nothing is asked of the server yet but to let us in: whatever it refuses is that. */
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
      // Each takes a descriptor, and more at once are no quicker.
      ...defaultUnlessNamed(uri, "maxPoolSize", MOST_CONNECTIONS),
      // The job decides what is tried again; a retried write after a fail-over could hide a lost one.
      retryWrites: false,
      // An application's URI may set these for its own short queries. An index takes as long as it takes,
      // and a lagging secondary would list the collections of some time ago.
      socketTimeoutMS: 0,
      readPreference: "primaryPreferred",
      readPreferenceTags: [],
    });
  } catch (error) {
    throw connectionError(error) ?? error;
  }
}

/** What the URI says of limits wins over ours. */
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
  // A server that stands still must not hold up somebody who pressed Ctrl-C.
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
            // The verification that follows a dump must not pay for its buffers.
            if (open.size === 0) pool.clear();
          },
        };
      } catch (error) {
        const known = knownFailure(error);
        if (known) throw known;
        unavailable = true;
        context.emit({
          kind: "log",
          level: "warn",
          code: "no-raw-socket",
          message: `reading through public cursors, which is slower: ${error instanceof Error ? error.message : String(error)}`,
        });
        return null;
      }
    },
    async [Symbol.asyncDispose]() {
      context.signal.removeEventListener("abort", stop);
      await client.close();
    },
  };
}

/** What would happen to public cursors too; anything else means that no socket can be taken over. */
function knownFailure(error: unknown): KeepError | undefined {
  if (error instanceof KeepError && error.code === "unreachable") return error;
  return connectionError(error);
}
