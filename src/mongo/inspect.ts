// What the server is: version, topology, feature compatibility version.
import type { Document, MongoClient } from "mongodb";
import { MongoServerError } from "mongodb";
import type { ServerInfo, Topology } from "./server-info.ts";

export interface Inspection {
  readonly info: ServerInfo;
  readonly identity: string;
  /** It speaks MongoDB's protocol but is another product (Amazon DocumentDB, FerretDB, Azure Cosmos DB). */
  readonly isLookalike: boolean;
}

function topologyOf(hello: Document): Topology {
  if (hello.msg === "isdbgrid") return "sharded";
  return typeof hello.setName === "string" ? "replicaSet" : "standalone";
}

export async function inspectServer(client: MongoClient): Promise<Inspection> {
  const admin = client.db("admin");
  const hello = await admin.command({ hello: 1 });
  const build = await admin.command({ buildInfo: 1 });
  const topology = topologyOf(hello);
  const setName = typeof hello.setName === "string" ? hello.setName : null;
  const info: ServerInfo = {
    version: String(build.version),
    topology,
    setName,
    featureCompatibilityVersion: await featureVersion(client),
  };
  const hosts = client.options.hosts.map((host) => host.toString()).sort();
  const identity = setName ?? client.options.srvHost ?? hosts.join(",");
  return { info, identity, isLookalike: isLookalike(build) };
}

/** Every build of MongoDB reports its allocator, and those that store data their storage engines. */
const isLookalike = (build: Document) =>
  typeof build.allocator !== "string" && !Array.isArray(build.storageEngines);

/** null if the user may not read it: restores check it, backups do not need it. */
async function featureVersion(client: MongoClient): Promise<string | null> {
  try {
    const reply = await client
      .db("admin")
      .command({ getParameter: 1, featureCompatibilityVersion: 1 });
    const value: unknown = (reply.featureCompatibilityVersion as Document | undefined)?.version;
    return typeof value === "string" ? value : null;
  } catch (error) {
    if (error instanceof MongoServerError) return null;
    throw error;
  }
}
