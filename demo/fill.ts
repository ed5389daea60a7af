// What the demonstration protects: the HL7 FHIR R4 definitions, one collection a file, and made-up patients.
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Db, Document } from "mongodb";
import { HOSPITAL } from "../bench/hospital.ts";
import { FHIR_FOLDER, loadProse } from "../bench/prose.ts";
import { createRandom } from "../tests/support/random.ts";

const BATCH = 1_000;
const COUNTS: Readonly<Record<string, number>> = { patients: 20_000, operations: 5_000 };

/** Fills an empty database; returns how many documents of each kind there are. */
export async function fillHospital(db: Db): Promise<{ definitions: number; records: number }> {
  const definitions = await fillDefinitions(db);
  const records = await fillRecords(db);
  return { definitions, records };
}

async function fillDefinitions(db: Db): Promise<number> {
  const files = (await readdir(FHIR_FOLDER)).filter((name) => name.endsWith(".json")).sort();
  let documents = 0;
  for (const file of files) {
    const content = JSON.parse(await readFile(join(FHIR_FOLDER, file), "utf8")) as Document;
    const found = resourcesOf(content);
    await db.collection(basename(file, ".json")).insertMany(found);
    documents += found.length;
  }
  return documents;
}

/** A Bundle is a list of resources; anything else is one document. */
function resourcesOf(content: Document): Document[] {
  const { resourceType, entry } = content as { resourceType?: string; entry?: Document[] };
  if (resourceType !== "Bundle" || !entry) return [content];
  return entry.map((one) => one.resource as Document);
}

async function fillRecords(db: Db): Promise<number> {
  const prose = loadProse();
  let documents = 0;
  for (const recipe of HOSPITAL.filter(({ name }) => name in COUNTS)) {
    const random = createRandom(4);
    const count = COUNTS[recipe.name] ?? 0;
    const collection = db.collection(recipe.name);
    for (let from = 0; from < count; from += BATCH) {
      const batch = Array.from({ length: BATCH }, (_, n) => recipe.make(from + n, random, prose));
      await collection.insertMany(batch, { ordered: false });
    }
    await collection.createIndexes([...recipe.indexes]);
    documents += count;
  }
  return documents;
}
