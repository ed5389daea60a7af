// A backup that stands still while a test changes what it reads: how fast either of them is makes no difference.
import { globSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MongoServerError } from "mongodb";
import type { MongoClient } from "mongodb";
import type { RunningCli } from "./cli.ts";
import { atEnd } from "./temporary.ts";
import type { Cleanup } from "./temporary.ts";
import type { Workspace } from "./workspace.ts";

const POLL_MS = 10;
const SNAPSHOT_TOO_OLD = 239;
const GET_MORE = "waitAfterPinningCursorBeforeGetMoreBatch";

/** The namespaces are listed by then, and some of them are being read. */
export async function untilReading(
  { backupDir }: Workspace,
  running: RunningCli,
  database: string,
): Promise<void> {
  const isReading = () => globSync(join(backupDir, ".*.partial", database, "*")).length > 0;
  await untilTrue(running, () => Promise.resolve(isReading()), `it read nothing of ${database}`);
}

/** Waits for what stays true once it is; fails when the run is over before. */
export async function untilTrue(
  running: RunningCli,
  isTrue: () => Promise<boolean>,
  otherwise: string,
): Promise<void> {
  const ended = new AbortController();
  const over = () => {
    ended.abort();
  };
  running.result.then(over, over);
  while (!(await isTrue())) {
    if (ended.signal.aborted) throw new Error(otherwise);
    await sleep(POLL_MS);
  }
}

/** Stops the process, so that all of `act` comes between two of its steps. */
export async function whileStopped<T>(running: RunningCli, act: () => Promise<T>): Promise<T> {
  running.kill("SIGSTOP");
  try {
    return await act();
  } finally {
    running.kill("SIGCONT");
  }
}

/** Until the server no longer has the instant of now; only writes move its clock on. */
export async function untilForgotten(client: MongoClient, database: string, collection: string) {
  const admin = client.db("admin");
  const { operationTime: atClusterTime } = await admin.command({ ping: 1 });
  const readConcern = { level: "snapshot", atClusterTime };
  const find = { find: collection, limit: 1, singleBatch: true, readConcern };
  for (;;) {
    await admin.command({ appendOplogNote: 1, data: { test: "time passes" } });
    try {
      await client.db(database).command(find);
    } catch (error) {
      if (error instanceof MongoServerError && error.code === SNAPSHOT_TOO_OLD) return;
      throw error;
    }
    await sleep(10 * POLL_MS);
  }
}

export interface HeldReads {
  /** Resolves when a read stands still between two of its batches. */
  reached(running: RunningCli): Promise<void>;
  letGo(): Promise<void>;
}

/** Holds reads of one collection after their first batch, on a server of the test's own. */
export async function holdReads(t: Cleanup, client: MongoClient, nss: string): Promise<HeldReads> {
  const admin = client.db("admin");
  const set = (mode: "alwaysOn" | "off") =>
    admin.command({
      configureFailPoint: GET_MORE,
      mode,
      ...(mode === "alwaysOn" && { data: { nss } }),
    });
  await set("alwaysOn");
  atEnd(t, () => set("off").catch(() => undefined));
  const isHeld = async () =>
    (await admin.command({ currentOp: 1, failpointMsg: GET_MORE })).inprog.length > 0;
  return {
    reached: (running) => untilTrue(running, isHeld, `no read of ${nss} was held`),
    letGo: async () => {
      await set("off");
    },
  };
}
