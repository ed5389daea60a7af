// `npm run bench`: mongokeep against the stock tools on the same data, and against its own targets.
// Takes twenty minutes at full size; `-- --mb 86 --rounds 1` gives a first impression in one.
// `-- --only many` (or another part) measures that alone; `many`: what each of a thousand small collections costs.
import { execFileSync } from "node:child_process";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { parseArgs, styleText } from "node:util";
import Table from "cli-table3";
import { MongoClient } from "mongodb";
import { cacheFolderOf, findMongod } from "../src/tools/mongod-binary.ts";
import { startMongod } from "../src/tools/throwaway-mongod.ts";
import { fillDataset } from "./dataset.ts";
import { measureDowntime } from "./downtime.ts";
import { judge, judgeGrowth, summarize } from "./figures.ts";
import type { Figure, Summary } from "./figures.ts";
import { WHOLE_MEGABYTES } from "./hospital.ts";
import { measureInstant } from "./instant.ts";
import { judgeLatency, measureLatency } from "./latency.ts";
import type { LatencyRound } from "./latency.ts";
import { measureMany } from "./many.ts";
import { describeMachine } from "./measure.ts";
import { createProject } from "./mongokeep.ts";
import { loadProse } from "./prose.ts";
import { measureRates } from "./rate.ts";
import { runRound } from "./rounds.ts";
import type { Part, Sample } from "./rounds.ts";
import { measureStart } from "./start.ts";

const PARTS = [
  "backup",
  "verify",
  "restore",
  "memory",
  "start",
  "downtime",
  "instant",
  "latency",
  "rate",
  "many",
] as const;
type Wanted = (typeof PARTS)[number];
const ALL_ROUND_PARTS: ReadonlySet<Part> = new Set(["backup", "verify", "restore"]);

const LEAST_FOR_GROWTH_MEGABYTES = 800;

interface Options {
  readonly megabytes: number;
  readonly rounds: number;
  readonly wanted: ReadonlySet<Wanted>;
  readonly json: boolean;
}

function parseOptions(): Options {
  const { values } = parseArgs({
    options: {
      mb: { type: "string", default: String(WHOLE_MEGABYTES) },
      rounds: { type: "string", default: "3" },
      only: { type: "string", multiple: true },
      json: { type: "boolean", default: false },
    },
  });
  const wanted = PARTS.filter((part) => values.only?.includes(part) ?? true);
  const unknown = values.only?.find((one) => !PARTS.some((part) => part === one));
  if (unknown !== undefined) throw new Error(`--only ${unknown}: one of ${PARTS.join(", ")}`);
  return {
    megabytes: Number(values.mb),
    rounds: Number(values.rounds),
    wanted: new Set(wanted),
    json: values.json,
  };
}

async function main(): Promise<void> {
  const options = parseOptions();
  say("building dist/");
  execFileSync(process.execPath, [resolve(import.meta.dirname, "../scripts/build.mjs")]);
  const { summaries, figures } = await runAll(options);
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ machine: describeMachine(), summaries, figures })}\n`);
  } else {
    print(describeMachine(), summaries, figures);
  }
}

async function runAll(
  options: Options,
): Promise<{ summaries: readonly Summary[]; figures: readonly Figure[] }> {
  const { path } = await findMongod({
    named: process.env.MONGOD_BINARY,
    path: process.env.PATH,
    cacheFolder: cacheFolderOf(homedir(), process.env.XDG_CACHE_HOME),
  });
  await using server = await startMongod({
    binary: path,
    topology: "replicaSet",
    cacheGigabytes: 1,
    oplogMegabytes: 4_096,
  });
  const start = options.wanted.has("start") ? await measureStart(server.uri, say) : [];
  const roundParts = roundPartsOf(options.wanted);
  const more = await runMore(server.uri, options);
  if (roundParts.size === 0) return { summaries: [], figures: [...start, ...more] };
  if (options.wanted.has("memory") && options.megabytes < LEAST_FOR_GROWTH_MEGABYTES) {
    say("growth of memory says little at this size: a tenth of it does not fill the buffers once");
  }
  const large = await runRounds(server.uri, "bench", options.megabytes, options.rounds, roundParts);
  const small = options.wanted.has("memory")
    ? await runRounds(server.uri, "bench_tenth", options.megabytes / 10, 1, roundParts)
    : [];
  return {
    summaries: large,
    figures: [...judge(large), ...judgeGrowth(small, large), ...start, ...more],
  };
}

/** The parts that have data, or a way of measuring, of their own. */
async function runMore(uri: string, { wanted, megabytes, rounds }: Options): Promise<Figure[]> {
  const figures: Figure[] = [];
  if (wanted.has("downtime"))
    figures.push(...(await measureDowntime(uri, loadProse(), megabytes * 1.2, say)));
  if (wanted.has("many")) figures.push(...(await measureMany(uri, rounds, say)));
  if (![...wanted].some((part) => ["instant", "latency", "rate"].includes(part))) return figures;
  const database = "bench_reads";
  await using client = new MongoClient(uri);
  await fillDataset(client.db(database), megabytes / 2, loadProse());
  // Else the checkpoint of what was filled in falls into the first measurement, and its writers wait.
  await client.db("admin").command({ fsync: 1 });
  if (wanted.has("instant"))
    figures.push(...(await measureInstant(uri, database, rounds * 3 + 1, say)));
  if (wanted.has("rate")) figures.push(...(await measureRates(uri, database, say)));
  if (wanted.has("latency")) {
    await using project = await createProject(uri, database);
    const measured: LatencyRound[] = [];
    for (let round = 1; round <= rounds; round++) {
      measured.push(await measureLatency({ client, uri, database }, project));
      say(`latency, round ${round}: ${JSON.stringify(measured.at(-1))}`);
    }
    figures.push(...judgeLatency(measured));
  }
  await client.db(database).dropDatabase();
  return figures;
}

/** Growth of memory is asked of every command, so that it needs them all. */
function roundPartsOf(wanted: ReadonlySet<Wanted>): ReadonlySet<Part> {
  if (wanted.has("memory")) return ALL_ROUND_PARTS;
  return new Set([...ALL_ROUND_PARTS].filter((part) => wanted.has(part)));
}

async function runRounds(
  uri: string,
  database: string,
  megabytes: number,
  rounds: number,
  parts: ReadonlySet<Part>,
): Promise<Summary[]> {
  say(`filling ${database} with ${megabytes.toFixed(0)} MB`);
  await using client = new MongoClient(uri);
  const { documents, rawBytes } = await fillDataset(client.db(database), megabytes, loadProse());
  say(`${documents} documents, ${(rawBytes / 1e6).toFixed(0)} MB of BSON`);
  // As mongodump, which yields to nobody: else whatever runs beside a benchmark slows down one side alone.
  await using project = await createProject(uri, database, { BACKUP_NICE: 0 });
  const samples: Sample[] = [];
  for (let round = 1; round <= rounds; round++) {
    await runRound({ uri, database, project }, parts, (sample) => {
      samples.push(sample);
      say(`round ${round}: ${sample.name} ${sample.seconds.toFixed(2)} s`);
    });
  }
  await client.db(database).dropDatabase();
  return summarize(samples);
}

function print(machine: string, summaries: readonly Summary[], figures: readonly Figure[]): void {
  const runs = new Table({ head: ["what", "seconds (median)", "stored", "peak memory"], ...PLAIN });
  for (const { name, seconds, storedBytes, peakMegabytes } of summaries) {
    runs.push([name, seconds.toFixed(2), megabytes(storedBytes), plainMegabytes(peakMegabytes)]);
  }
  const targets = new Table({ head: ["figure", "measured", "target", ""], ...PLAIN });
  for (const { what, measured, target, pass } of figures) {
    targets.push([what, measured, target, verdict(pass)]);
  }
  const tables = [...(summaries.length > 0 ? [runs] : []), targets].map(String);
  process.stdout.write(`\n${machine}\n${tables.join("\n\n")}\n`);
}

const PLAIN = { style: { head: [], border: [] } };

function verdict(pass: boolean): string {
  return pass ? styleText("green", "PASS") : styleText("red", "MISS");
}

function megabytes(bytes: number | null): string {
  return plainMegabytes(bytes === null ? null : bytes / 1e6);
}

function plainMegabytes(value: number | null): string {
  return value === null ? "" : `${value.toFixed(0)} MB`;
}

function say(line: string): void {
  process.stderr.write(`bench: ${line}\n`);
}

await main();
