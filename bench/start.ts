// How long a person waits for the small commands: --help, and list over a thousand backups.
import { MongoClient } from "mongodb";
import { writePastBackup } from "../tests/support/past-backups.ts";
import { judgeSeconds } from "./figures.ts";
import type { Figure } from "./figures.ts";
import { median } from "./measure.ts";
import { createProject, keepBackup } from "./mongokeep.ts";
import type { Project } from "./mongokeep.ts";

const RUNS = 11;
const BACKUPS = 1_000;
const HOUR_MS = 3_600_000;
const DATABASE = "bench_start";

export async function measureStart(uri: string, say: (line: string) => void): Promise<Figure[]> {
  await using client = new MongoClient(uri);
  const patients = client.db(DATABASE).collection("patients");
  await patients.insertOne({ mrn: "MRN-1" });
  await using project = await createProject(uri, DATABASE);
  const { path } = await keepBackup(project, "gzip");
  await client.db(DATABASE).dropDatabase();
  say(`making ${BACKUPS} backups`);
  const now = Date.now();
  for (let n = 1; n < BACKUPS; n++) await writePastBackup(path, now - n * HOUR_MS, "UTC");
  const help = await medianSeconds(project, ["--help"]);
  const list = await medianSeconds(project, ["list"]);
  return [
    judgeSeconds("mongokeep --help", help, 0.15),
    judgeSeconds(`mongokeep list with ${BACKUPS.toLocaleString("en")} backups`, list, 0.5),
  ];
}

async function medianSeconds(project: Project, args: readonly string[]): Promise<number> {
  const seconds: number[] = [];
  for (let run = 0; run < RUNS; run++) seconds.push((await project.run(args)).seconds);
  return median(seconds);
}
