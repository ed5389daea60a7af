// How long a service is down for a restore, and how long taking it back takes: neither may grow with the data.
import { rm } from "node:fs/promises";
import { MongoClient } from "mongodb";
import { fillDataset } from "./dataset.ts";
import { judgeSeconds } from "./figures.ts";
import type { Figure } from "./figures.ts";
import { createProject, keepBackup } from "./mongokeep.ts";
import type { Project } from "./mongokeep.ts";
import type { Prose } from "./prose.ts";

const DATABASE = "bench_downtime";
/** Megabytes of BSON. */
export const SIZES = [10, 100, 1_000] as const;
/** Stopping and starting is the service's own time: these take none. */
const SERVICE = { SERVICE_STOP: "true", SERVICE_START: "true", SERVICE_CHECK: "true" };
/** The window is renames: what differs from size to size is the machine's noise. */
const FLAT_SECONDS = 0.25;

export async function measureDowntime(
  uri: string,
  prose: Prose,
  most: number,
  say: (line: string) => void,
): Promise<Figure[]> {
  const figures: Figure[] = [];
  const down: number[] = [];
  for (const megabytes of SIZES.filter((size) => size <= most)) {
    say(`restoring ${megabytes} MB`);
    const one = await measureOne(uri, prose, megabytes);
    down.push(one.down);
    figures.push(
      judgeSeconds(`service down for a staged restore of ${megabytes} MB`, one.down, 1),
      judgeSeconds(`rollback while the old ${megabytes} MB are aside`, one.rollback, 2),
    );
  }
  const spread = Math.max(...down) - Math.min(...down);
  return [...figures, judgeSeconds("service down, largest against smallest", spread, FLAT_SECONDS)];
}

async function measureOne(uri: string, prose: Prose, megabytes: number) {
  await using client = new MongoClient(uri);
  const db = client.db(DATABASE);
  await fillDataset(db, megabytes, prose);
  await using project = await createProject(uri, DATABASE, SERVICE);
  const { id } = await keepBackup(project, "zstd");
  await db.collection("patients").updateMany({}, { $set: { changed: true } });
  const restored = await runJson<{ serviceDownSeconds: number }>(project, "restore", id);
  const { seconds } = await runJson(project, "rollback");
  await db.dropDatabase();
  await rm(project.backupDir, { recursive: true, force: true });
  return { down: restored.serviceDownSeconds, rollback: seconds };
}

/** What it said, and the seconds of the whole command. */
async function runJson<T extends object>(
  project: Project,
  ...args: string[]
): Promise<T & { seconds: number }> {
  const { stdout, seconds } = await project.run([...args, "--confirm", "--json"]);
  return { ...(JSON.parse(stdout) as T), seconds };
}
