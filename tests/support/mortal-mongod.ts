// A replica set of one that a test kills and starts again, on the same port and the same files.
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MongoClient } from "mongodb";
import { formatMongodArgs, formatThrowawayUri } from "../../src/tools/mongod-args.ts";
import { reservePort } from "./ports.ts";
import { mongod } from "./servers.ts";
import { atEnd, temporaryFolder } from "./temporary.ts";
import type { Cleanup } from "./temporary.ts";

export interface MortalMongod {
  readonly uri: string;
  /** Changes with each start. */
  pid(): number;
  /** Resolves when it takes writes. */
  start(): Promise<void>;
  /** Resolves when it is gone, by whatever end. */
  gone(): Promise<void>;
}

const SHAPE = { topology: "replicaSet" } as const;

/** Started; stopped and removed after the test. Default folder: one of its own. */
export async function mortalMongod(t: Cleanup, where?: string): Promise<MortalMongod> {
  const folder = where ?? (await temporaryFolder(t));
  const paths = { dbPath: join(folder, "db"), logPath: join(folder, "log"), keyFile: "" };
  await mkdir(paths.dbPath);
  const port = await reservePort(t);
  const uri = `${formatThrowawayUri(SHAPE, port)}&serverSelectionTimeoutMS=10000`;
  const { path } = await mongod();
  let child: ChildProcess | null = null;
  const start = async () => {
    child = spawn(path, formatMongodArgs(SHAPE, paths, port), { stdio: "ignore" });
    await untilPrimary(port);
  };
  const gone = async () => {
    if (child?.exitCode === null && child.signalCode === null) await once(child, "exit");
  };
  atEnd(t, async () => {
    child?.kill("SIGKILL");
    await gone();
  });
  await start();
  return { uri, start, gone, pid: () => child?.pid ?? 0 };
}

/** Makes it a replica set where it is none yet, and waits until it is primary. */
async function untilPrimary(port: number): Promise<void> {
  const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
    serverSelectionTimeoutMS: 60_000,
  });
  try {
    const admin = client.db("admin");
    for (;;) {
      const hello = await admin.command({ hello: 1 });
      if (hello.isWritablePrimary === true) return;
      if (hello.setName === undefined) await initiate(client, port);
      await sleep(100);
    }
  } finally {
    await client.close();
  }
}

async function initiate(client: MongoClient, port: number): Promise<void> {
  const members = [{ _id: 0, host: `127.0.0.1:${port}` }];
  await client
    .db("admin")
    .command({ replSetInitiate: { _id: "mongokeep", members } })
    // It may be reading its configuration still.
    .catch(() => undefined);
}
