// Real servers for tests: two that all test files share (global-setup.ts starts them), others on demand.
// Run by hand without the global setup, a file starts the shared ones for itself; they end with its process.
import { homedir } from "node:os";
import { cacheFolderOf, findMongod } from "../../src/tools/mongod-binary.ts";
import type { FoundMongod } from "../../src/tools/mongod-binary.ts";
import type { ThrowawayShape } from "../../src/tools/mongod-args.ts";
import { startMongod } from "../../src/tools/throwaway-mongod.ts";
import type { ThrowawayMongod } from "../../src/tools/throwaway-mongod.ts";
import { makeCertificates } from "./certificates.ts";
import type { Certificates } from "./certificates.ts";
import { atEnd, temporaryFolder } from "./temporary.ts";
import type { Cleanup } from "./temporary.ts";

export const SHARED_REPLICA_SET = "TEST_MONGODB_RS";
export const SHARED_STANDALONE = "TEST_MONGODB_STANDALONE";

/** The login of the shared standalone; hard characters on purpose. */
export const ROOT = { user: "root@surg", password: "p/ss:w@rd%#1" } as const;

export const SHARED_SHAPES: Readonly<Record<string, ThrowawayShape>> = {
  [SHARED_REPLICA_SET]: { topology: "replicaSet", testCommands: true, cacheGigabytes: 0.5 },
  [SHARED_STANDALONE]: { topology: "standalone", testCommands: true, auth: ROOT },
};

let found: Promise<FoundMongod> | undefined;
const lazy = new Map<string, Promise<ThrowawayMongod>>();

/** The mongod of all tests; MONGOD_BINARY names another. */
export function mongod(): Promise<FoundMongod> {
  found ??= findMongod({
    named: process.env.MONGOD_BINARY,
    path: process.env.PATH,
    cacheFolder: testCacheFolder(),
  });
  return found;
}

/** The user's own cache, also where a test sets another HOME for mongokeep itself. */
export function testCacheFolder(): string {
  return cacheFolderOf(homedir(), process.env.XDG_CACHE_HOME);
}

/** URI of the shared single-node replica set (no authentication). */
export function replicaSet(): Promise<string> {
  return shared(SHARED_REPLICA_SET);
}

/** URI, with credentials, of the shared standalone server that asks for a login. */
export function standaloneWithAuth(): Promise<string> {
  return shared(SHARED_STANDALONE);
}

async function shared(name: string): Promise<string> {
  const running = process.env[name];
  if (running !== undefined && running !== "") return running;
  let server = lazy.get(name);
  if (!server) {
    server = startShared(name);
    lazy.set(name, server);
  }
  return (await server).uri;
}

/** Starts one of the shared servers; it ends with this process at the latest. */
export async function startShared(name: string): Promise<ThrowawayMongod> {
  const shape = SHARED_SHAPES[name] ?? { topology: "standalone" };
  return await startMongod({ ...shape, binary: (await mongod()).path });
}

/** A server of the test's own, for what the shared ones cannot bear: stopped after it. */
export async function ownServer(t: Cleanup, shape: ThrowawayShape): Promise<ThrowawayMongod> {
  const server = await startMongod({ ...shape, binary: (await mongod()).path });
  atEnd(t, () => server.stop());
  return server;
}

/** URI of a server of the test's own that is like the shared one. */
export async function ownLikeShared(
  t: Cleanup,
  topology: ThrowawayShape["topology"],
): Promise<string> {
  const name = topology === "replicaSet" ? SHARED_REPLICA_SET : SHARED_STANDALONE;
  return (await ownServer(t, SHARED_SHAPES[name] ?? { topology })).uri;
}

export interface TlsServer {
  readonly server: ThrowawayMongod;
  readonly certificates: Certificates;
}

/** A replica set that speaks TLS only and asks for a login, stopped after the test. */
export async function tlsReplicaSet(t: Cleanup): Promise<TlsServer> {
  return await tlsServer(t, { topology: "replicaSet", auth: ROOT });
}

/** Any shape, with TLS. */
export async function tlsServer(t: Cleanup, shape: ThrowawayShape): Promise<TlsServer> {
  const certificates = await makeCertificates(await temporaryFolder(t));
  const server = await ownServer(t, { ...shape, tls: certificates });
  return { server, certificates };
}
