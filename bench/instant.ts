// What one instant costs: the same dump, by the same code and of the same server, at an instant with the oplog
// followed beside it, and without either.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { createPartial } from "../src/archive/writer.ts";
import { formatBackupId } from "../src/archive/layout.ts";
import { dumpDatabases } from "../src/dump/native.ts";
import { openDeployment } from "../src/mongo/deployment.ts";
import type { Deployment } from "../src/mongo/deployment.ts";
import { Secret } from "../src/util/secret.ts";
import type { Figure } from "./figures.ts";
import { median } from "./measure.ts";

const MEMORY = "/dev/shm";
const WRITER = join(import.meta.dirname, "steady-writer.ts");
const QUIET = { emit: () => undefined, signal: new AbortController().signal };

/** Each in turn, so many times, and the median of the pairs' ratios; the first of each only warms up. */
export async function measureInstant(
  uri: string,
  database: string,
  rounds: number,
  say: (line: string) => void,
): Promise<Figure[]> {
  await using deployment = await openDeployment(new Secret(uri), QUIET);
  // Told that it is no replica set, the dump asks for no instant, and follows no oplog.
  const { server } = deployment;
  const without: Deployment = { ...deployment, server: { ...server, topology: "standalone" } };
  const figures: Figure[] = [];
  for (const { name, target, most, busy } of PARTS) {
    const times = { with: [] as number[], without: [] as number[] };
    using writers = busy ? startWriters(uri, `${database}_writer`) : null;
    const both = [
      ["with", deployment],
      ["without", without],
    ] as const;
    // In turn the first: the second finds a cache that the first has filled, and a machine that it has warmed.
    for (let round = 0; round <= rounds; round++)
      for (const [key, one] of round % 2 === 0 ? both : both.toReversed()) {
        const seconds = await timeDump(one, database);
        if (round > 0) times[key].push(seconds);
        if (round > 0) say(`${name}: ${key} ${seconds.toFixed(2)} s`);
      }
    const ratios = times.with.map((seconds, pair) => seconds / (times.without[pair] ?? NaN));
    const cost = median(ratios) - 1;
    const wrote = writers ? ` (${await writers.stop()} writes meanwhile)` : "";
    figures.push({
      what: name,
      measured: `${cost >= 0 ? "+" : ""}${(cost * 100).toFixed(1)} %${wrote}`,
      target,
      pass: cost <= most,
    });
  }
  return figures;
}

const PARTS = [
  { name: "a dump at one instant, against none", target: "≤ +3 %", most: 0.03, busy: false },
  { name: "the same, following a busy oplog", target: "≤ +5 %", most: 0.05, busy: true },
] as const;

async function timeDump(deployment: Deployment, database: string): Promise<number> {
  // In memory where there is such a folder: the disk's moods are larger than what is measured.
  const folder = await mkdtemp(join(existsSync(MEMORY) ? MEMORY : tmpdir(), "mongokeep-bench-"));
  const partial = await createPartial(folder, () => formatBackupId(0, "UTC"));
  const options = {
    ...{ databases: [database], only: null, exclude: [], allowEmpty: false, accounts: false },
    compression: { algorithm: "zstd", level: null },
    maxRateBytesPerSecond: null,
  } as const;
  const begun = performance.now();
  await dumpDatabases(deployment, partial, options, QUIET);
  const seconds = (performance.now() - begun) / 1000;
  await rm(folder, { recursive: true, force: true });
  return seconds;
}

/** Told by `stop` how many writes there were. */
function startWriters(uri: string, database: string) {
  const writer = spawn(process.execPath, [WRITER, uri, database], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const written = text(writer.stdout);
  return {
    async stop(): Promise<number> {
      writer.stdin.end();
      return Number(await written);
    },
    [Symbol.dispose]: () => void writer.kill(),
  };
}
