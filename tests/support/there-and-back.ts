// A database backed up, dropped and restored through the CLI, with everything compared byte for byte:
// documents by the server's own dbHash and by our content hash, options and indexes as raw BSON.
import assert from "node:assert/strict";
import { BSON } from "mongodb";
import type { Document } from "mongodb";
import { dbHash } from "./fidelity.ts";
import type { FreshDatabase } from "./fresh-database.ts";
import type { Cleanup } from "./temporary.ts";
import { workspace } from "./workspace.ts";
import type { EnvValues, Workspace } from "./workspace.ts";

export interface CatalogEntry {
  readonly name: string;
  readonly type: string;
  /** Hex of the raw BSON: key order and exact types count. */
  readonly options: string;
  /** Hex of each definition, sorted: the order of creation is not kept, expiring ones come last. */
  readonly indexes: readonly string[];
}

/** The server's raw description of all collections, buckets of time series included. */
export async function rawCatalog({ db }: Pick<FreshDatabase, "db">): Promise<CatalogEntry[]> {
  const raws = await db.listCollections({}, { raw: true }).toArray();
  const entries = raws.map(async (reply): Promise<CatalogEntry> => {
    const raw = reply as unknown as Uint8Array;
    const { name, type } = BSON.deserialize(raw, { validation: { utf8: false } });
    const isData = type === "collection" || type === "timeseries";
    const indexes = isData
      ? await db.collection(String(name)).listIndexes({ raw: true }).toArray()
      : [];
    return {
      name,
      type: String(type),
      options: hexOfField(raw, "options"),
      indexes: indexes
        .map((one) => Buffer.from(one as unknown as Uint8Array).toString("hex"))
        .sort(),
    };
  });
  const all = await Promise.all(entries);
  return all.filter((e) => e.name !== "system.views").sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** An embedded document's bytes by plain search: its name stands once in what the server sends. */
function hexOfField(raw: Uint8Array, field: string): string {
  const b = Buffer.from(raw);
  const at = b.indexOf(Buffer.from(`\x03${field}\0`)) + field.length + 2;
  return b.toString("hex", at, at + b.readInt32LE(at));
}

export interface ThereAndBack {
  readonly place: Workspace;
  readonly backup: Document;
  readonly restored: Document;
}

/** Backs the database up, drops it and restores it; fails unless all is as it was. */
export async function thereAndBack(
  t: Cleanup,
  fresh: FreshDatabase,
  env: EnvValues = {},
): Promise<ThereAndBack> {
  const place = await workspace(t, { MONGODB_URI: fresh.uri, ...env });
  const before = {
    hashes: await dbHash(fresh.client, fresh.name),
    catalog: await rawCatalog(fresh),
  };
  const backup = await place.run(["backup", "--json"]);
  assert.equal(backup.code, 0, backup.stdout + backup.stderr);
  await fresh.db.dropDatabase();
  const restored = await place.run(["restore", "latest", "--confirm", "--json"]);
  assert.equal(restored.code, 0, restored.stdout + restored.stderr);
  const { collections } = restored.json();
  assert.ok(collections.every((c: { equal: boolean }) => c.equal));
  assert.deepEqual(await rawCatalog(fresh), before.catalog);
  assert.deepEqual(await dbHash(fresh.client, fresh.name), before.hashes);
  return { place, backup: backup.json(), restored: restored.json() };
}
