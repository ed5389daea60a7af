// What an application feels while it is backed up: the latency of a steady writer, alone, during mongokeep's backup
// and during mongodump's of the same data.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Collection, MongoClient } from "mongodb";
import type { Figure } from "./figures.ts";
import { median } from "./measure.ts";
import { keepBackup } from "./mongokeep.ts";
import type { Project } from "./mongokeep.ts";
import { stockDump } from "./stock.ts";

/** Writes begun a second, whether the ones before have ended or not: a queue must show as latency. */
const WRITES_PER_SECOND = 150;
const ALONE_MS = 8_000;

interface Writer {
  /** Milliseconds of each write so far. */
  readonly latencies: readonly number[];
  stop(): Promise<void>;
}

function startWriter(collection: Collection): Writer {
  const latencies: number[] = [];
  const open = new Set<Promise<void>>();
  const stop = new AbortController();
  const write = async (n: number) => {
    const begun = performance.now();
    await collection.updateOne({ _id: (n % 1_000) as never }, { $inc: { n: 1 } }, { upsert: true });
    latencies.push(performance.now() - begun);
  };
  const begun = performance.now();
  const running = (async () => {
    for (let n = 0; !stop.signal.aborted; n++) {
      const one = write(n).finally(() => open.delete(one));
      open.add(one);
      await sleep(Math.max(0, begun + ((n + 1) * 1000) / WRITES_PER_SECOND - performance.now()));
    }
  })();
  return {
    latencies,
    stop: async () => {
      stop.abort();
      await running;
      await Promise.all(open);
    },
  };
}

/** The value that 99 of 100 are not above. */
export function percentile99(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? NaN;
}

export interface LatencyRound {
  readonly alone: number;
  readonly mongokeep: number;
  readonly mongodump: number;
}

/** p99 in milliseconds, one after the other on the same data. */
export async function measureLatency(
  { client, uri, database }: { client: MongoClient; uri: string; database: string },
  project: Project,
): Promise<LatencyRound> {
  const collection = client.db(`${database}_writer`).collection("steady");
  const during = async (work: () => Promise<unknown>) => {
    const writer = startWriter(collection);
    await work().finally(() => writer.stop());
    return percentile99(writer.latencies);
  };
  const dump = join(project.folder, "latency-dump");
  const alone = await during(() => sleep(ALONE_MS));
  const mongokeep = await during(() => keepBackup(project, "gzip"));
  const mongodump = await during(() => stockDump(uri, database, dump));
  await rm(dump, { recursive: true, force: true });
  await client.db(`${database}_writer`).dropDatabase();
  return { alone, mongokeep, mongodump };
}

export function judgeLatency(rounds: readonly LatencyRound[]): Figure[] {
  if (rounds.length === 0) return [];
  const of = (name: keyof LatencyRound) => median(rounds.map((round) => round[name]));
  const [alone, ours, theirs] = [of("alone"), of("mongokeep"), of("mongodump")];
  const ms = (value: number) => `${value.toFixed(1)} ms`;
  return [
    {
      what: "a writer's p99 latency during backup gzip",
      measured: `${ms(ours)} (alone ${ms(alone)})`,
      target: `≤ ${ms(theirs)}, during mongodump --gzip`,
      pass: ours <= theirs,
    },
  ];
}
