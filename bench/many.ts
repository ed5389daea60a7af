// A thousand collections of one document, one a customer: what each of them costs, against the stock tools.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import type { Figure } from "./figures.ts";
import { median } from "./measure.ts";
import { createProject, keepBackup, keepRestore } from "./mongokeep.ts";
import type { Project } from "./mongokeep.ts";
import { stockDump, stockRestore } from "./stock.ts";

const COLLECTIONS = 1_000;
const AT_ONCE = 50;
const DATABASE = "bench_many";
/** Times that of the stock tools. */
const MOST = 1.5;

/** Seconds of one round; those of a restore are without its pre-restore backup, which the stock tools do not make. */
interface Round {
  readonly dump: number;
  readonly backup: number;
  readonly stockRestore: number;
  readonly restore: number;
}

export async function measureMany(
  uri: string,
  rounds: number,
  say: (line: string) => void,
): Promise<Figure[]> {
  await using client = new MongoClient(uri);
  say(`making ${COLLECTIONS} collections`);
  await fill(client);
  await using project = await createProject(uri, DATABASE, { BACKUP_NICE: 0 });
  const measured: Round[] = [];
  for (let round = 1; round <= rounds; round++) {
    measured.push(await runRound(uri, project));
    await dropReplaced(client);
    say(`many collections, round ${round}: ${JSON.stringify(measured.at(-1))}`);
  }
  await client.db(DATABASE).dropDatabase();
  return [
    judge("backup, verified", measured, "backup", "dump"),
    judge("restore, proved", measured, "restore", "stockRestore"),
  ];
}

async function fill(client: MongoClient): Promise<void> {
  const db = client.db(DATABASE);
  for (let from = 0; from < COLLECTIONS; from += AT_ONCE) {
    const numbers = Array.from({ length: AT_ONCE }, (_, n) => from + n);
    await Promise.all(numbers.map((n) => db.collection(`customer_${n}`).insertOne({ n })));
  }
}

/** What a restore replaced is kept for a day: after some rounds the server would reach its limit of open files. */
async function dropReplaced(client: MongoClient): Promise<void> {
  const db = client.db(DATABASE);
  const kept = await db.listCollections({ name: /^__mongokeep_/ }, { nameOnly: true }).toArray();
  for (const { name } of kept) await db.collection(name).drop();
}

/** Both sides in turn. */
async function runRound(uri: string, project: Project): Promise<Round> {
  const dump = join(project.folder, "mongodump");
  const stock = await stockDump(uri, DATABASE, dump);
  const backup = await keepBackup(project, "gzip");
  const loaded = await stockRestore(uri, dump);
  const restored = await keepRestore(project, backup.id);
  // Else each round reads the manifests of all before it.
  await rm(project.backupDir, { recursive: true, force: true });
  return {
    dump: stock.seconds,
    backup: backup.seconds,
    stockRestore: loaded.seconds,
    restore: restored.secondsWithoutPreBackup,
  };
}

function judge(
  what: string,
  measured: readonly Round[],
  ours: keyof Round,
  theirs: keyof Round,
): Figure {
  const ratio = median(measured.map((round) => round[ours] / round[theirs]));
  const each = (side: keyof Round) =>
    ((median(measured.map((round) => round[side])) / COLLECTIONS) * 1_000).toFixed(1);
  return {
    what: `${what}, of ${COLLECTIONS.toLocaleString("en")} small collections`,
    measured: `${ratio.toFixed(2)}× (${each(ours)} and ${each(theirs)} ms a collection)`,
    target: `≤ ${MOST}×`,
    pass: ratio <= MOST,
  };
}
