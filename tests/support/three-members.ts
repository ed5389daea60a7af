// A replica set of three on this machine, whose members a test stops, kills and votes out of office.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MongoClient } from "mongodb";
import type { Document } from "mongodb";
import { formatMongodArgs, REPLICA_SET } from "../../src/tools/mongod-args.ts";
import { reservePort } from "./ports.ts";
import { mongod } from "./servers.ts";
import { atEnd, temporaryFolder } from "./temporary.ts";
import type { Cleanup } from "./temporary.ts";

export interface Member {
  readonly host: string;
  pid(): number;
  start(): Promise<void>;
  gone(): Promise<void>;
}

export interface ThreeMembers {
  /** With all three as seeds. */
  readonly uri: string;
  readonly members: readonly Member[];
  /** The host that takes writes now; waits for one. */
  primary(): Promise<string>;
  /** Has the primary hand over; returns when another one takes writes. */
  stepDown(): Promise<void>;
}

const SHAPE = { topology: "replicaSet", oplogMegabytes: 64, testCommands: true } as const;
const PATIENCE_MS = 120_000;

export interface ThreeMembersOptions {
  /** How long a silent primary keeps its office; default 2. On a busy machine one may be silent for seconds. */
  readonly patienceSeconds?: number;
}

/** Started, with a primary; elections take a second. All is removed after the test. */
export async function threeMembers(
  t: Cleanup,
  { patienceSeconds }: ThreeMembersOptions = {},
): Promise<ThreeMembers> {
  const folder = await temporaryFolder(t);
  const members: Member[] = [];
  for (const name of ["a", "b", "c"]) members.push(await startMember(t, join(folder, name)));
  const hosts = members.map(({ host }) => host);
  const uri = `mongodb://${hosts.join(",")}/?replicaSet=${REPLICA_SET}`;
  await initiate(hosts);
  const primary = () => untilPrimary(hosts);
  const first = await primary();
  if (patienceSeconds !== undefined)
    await withMember(first, (client) => setElectionTimeout(client, patienceSeconds * 1_000));
  return { uri, members, primary, stepDown: () => stepDown(primary) };
}

async function startMember(t: Cleanup, folder: string): Promise<Member> {
  await mkdir(join(folder, "db"), { recursive: true });
  const paths = { dbPath: join(folder, "db"), logPath: join(folder, "log"), keyFile: "" };
  const port = await reservePort(t);
  const { path } = await mongod();
  const host = `127.0.0.1:${port}`;
  let child: ChildProcess | null = null;
  const gone = async () => {
    if (child?.exitCode === null && child.signalCode === null) await once(child, "exit");
  };
  const start = async () => {
    child = spawn(path, formatMongodArgs(SHAPE, paths, port), { stdio: "ignore" });
    await withMember(host, (client) => client.db("admin").command({ ping: 1 }));
  };
  atEnd(t, async () => {
    child?.kill("SIGKILL");
    await gone();
  });
  await start();
  return { host, start, gone, pid: () => child?.pid ?? 0 };
}

async function withMember<T>(host: string, act: (client: MongoClient) => Promise<T>): Promise<T> {
  const client = new MongoClient(`mongodb://${host}/?directConnection=true`, {
    serverSelectionTimeoutMS: PATIENCE_MS,
  });
  try {
    return await act(client);
  } finally {
    await client.close();
  }
}

async function initiate(hosts: readonly string[]): Promise<void> {
  const members = hosts.map((host, _id) => ({ _id, host }));
  const settings = { electionTimeoutMillis: 2_000, heartbeatIntervalMillis: 500 };
  const config = { _id: REPLICA_SET, members, settings };
  await withMember(hosts[0] ?? "", (client) =>
    client.db("admin").command({ replSetInitiate: config }),
  );
}

async function setElectionTimeout(
  client: MongoClient,
  electionTimeoutMillis: number,
): Promise<void> {
  const admin = client.db("admin");
  const { config } = (await admin.command({ replSetGetConfig: 1 })) as { config: Document };
  const settings = { ...(config.settings as object), electionTimeoutMillis };
  const replSetReconfig = { ...config, version: Number(config.version) + 1, settings };
  await admin.command({ replSetReconfig });
}

async function untilPrimary(hosts: readonly string[]): Promise<string> {
  const deadline = performance.now() + PATIENCE_MS;
  while (performance.now() < deadline) {
    for (const host of hosts) if (await isPrimary(host)) return host;
    await sleep(100);
  }
  throw new Error("the replica set has no primary");
}

async function isPrimary(host: string): Promise<boolean> {
  const uri = `mongodb://${host}/?directConnection=true`;
  const client = new MongoClient(uri, { serverSelectionTimeoutMS: 300 });
  try {
    return (await client.db("admin").command({ hello: 1 })).isWritablePrimary === true;
  } catch {
    return false;
  } finally {
    await client.close();
  }
}

async function stepDown(primary: () => Promise<string>): Promise<void> {
  const old = await primary();
  await withMember(old, (client) =>
    client
      .db("admin")
      .command({ replSetStepDown: 10, secondaryCatchUpPeriodSecs: 8, force: true })
      // Old servers close the connection instead of answering.
      .catch(() => undefined),
  );
  await primary();
}

/** The secondaries keep their heartbeat, and apply nothing. Returns once it is so. */
export async function holdSecondaries(
  t: Cleanup,
  hosts: readonly string[],
): Promise<() => Promise<void>> {
  const admins = await Promise.all(
    hosts.map(async (host) => {
      const client = await MongoClient.connect(`mongodb://${host}/?directConnection=true`);
      atEnd(t, () => client.close());
      return client.db("admin");
    }),
  );
  const turn = (mode: "alwaysOn" | "off") =>
    Promise.all(
      admins.map((admin) => admin.command({ configureFailPoint: "rsSyncApplyStop", mode })),
    );
  const before = await turn("alwaysOn");
  // What they wait for when it is turned on they would still apply.
  await Promise.all(
    admins.map((admin, n) => {
      const timesEntered = Number(before[n]?.count) + 1;
      return admin.command({
        waitForFailPoint: "rsSyncApplyStop",
        timesEntered,
        maxTimeMS: 60_000,
      });
    }),
  );
  return async () => {
    await turn("off");
  };
}
