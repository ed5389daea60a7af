// Fills a database with the benchmark's data: `node bench/dataset.ts --uri mongodb://… [--db bench] [--mb 859]`.
import { parseArgs } from "node:util";
import { MongoClient } from "mongodb";
import type { Collection, Db, Document } from "mongodb";
import { createRandom } from "../tests/support/random.ts";
import { HOSPITAL, WHOLE_MEGABYTES } from "./hospital.ts";
import type { CollectionRecipe } from "./hospital.ts";
import { loadProse } from "./prose.ts";
import type { Prose } from "./prose.ts";

const BATCH = 2_000;
const SEED = 20_261_123;

export interface DatasetSize {
  readonly documents: number;
  readonly rawBytes: number;
}

/** Drops the database and fills it; `megabytes` of BSON, about. */
export async function fillDataset(db: Db, megabytes: number, prose?: Prose): Promise<DatasetSize> {
  const text = prose ?? loadProse();
  await db.dropDatabase();
  for (const [at, recipe] of HOSPITAL.entries()) {
    const documents = Math.max(1, Math.round((recipe.documents * megabytes) / WHOLE_MEGABYTES));
    await fillCollection(db.collection(recipe.name), recipe, documents, SEED + at, text);
  }
  const { objects, dataSize } = await db.stats();
  return { documents: objects as number, rawBytes: dataSize as number };
}

/** Makes the next batch while the server takes the last one. */
async function fillCollection(
  collection: Collection,
  recipe: CollectionRecipe,
  documents: number,
  seed: number,
  prose: Prose,
): Promise<void> {
  const random = createRandom(seed);
  let sent: Promise<unknown> = Promise.resolve();
  for (let from = 0; from < documents; from += BATCH) {
    const length = Math.min(BATCH, documents - from);
    const batch: Document[] = Array.from({ length }, (_, n) =>
      recipe.make(from + n, random, prose),
    );
    await sent;
    sent = collection.insertMany(batch, { ordered: false });
    // Awaited with the next batch, or below; a failure before that must not count as unhandled.
    sent.catch(() => undefined);
  }
  await sent;
  await collection.createIndexes([...recipe.indexes]);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      uri: { type: "string" },
      db: { type: "string", default: "bench" },
      mb: { type: "string", default: String(WHOLE_MEGABYTES) },
    },
  });
  if (values.uri === undefined) throw new Error("--uri mongodb://… says where to put the data");
  await using client = new MongoClient(values.uri);
  const start = performance.now();
  const { documents, rawBytes } = await fillDataset(client.db(values.db), Number(values.mb));
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  process.stdout.write(
    `${documents} documents, ${(rawBytes / 1e6).toFixed(1)} MB of BSON in ${seconds} s\n`,
  );
}

if (import.meta.main) await main();
