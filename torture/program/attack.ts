// Runs mongokeep under attack: the built command line, in a project of its own, on data that does not change meanwhile.
import { resolve } from "node:path";
import { MongoClient } from "mongodb";
import type { Db } from "mongodb";
import { dbHash } from "../../tests/support/fidelity.ts";
import { uniqueName, withDatabase } from "../../tests/support/fresh-database.ts";
import type { Random } from "../../tests/support/random.ts";
import { workspace } from "../../tests/support/workspace.ts";
import type { EnvValues, Workspace } from "../../tests/support/workspace.ts";
import type { Ground } from "../runner/ground.ts";
import type { Hashes } from "../runner/judge.ts";

/** What `Workspace.run` and `start` take to run what users run; `main` of CliOptions. */
export const BUILT = { main: resolve(import.meta.dirname, "../../bin/mongokeep.cjs") } as const;

export interface Target {
  readonly place: Workspace;
  readonly client: MongoClient;
  readonly db: Db;
  /** The database's name; also that of `.env`. */
  readonly database: string;
  /** dbHash of the database now. */
  hashes(): Promise<Hashes>;
}

/** A project for a fresh database, removed at the end of the case. Default server: the live one. */
export async function createTarget(
  ground: Ground,
  env: EnvValues = {},
  own?: string,
): Promise<Target> {
  const server = own ?? (await ground.servers.live());
  const client = await new MongoClient(server).connect();
  const database = uniqueName();
  ground.after(async () => {
    await client.db(database).dropDatabase();
    await client.close();
  });
  const place = await workspace(ground, { MONGODB_URI: withDatabase(server, database), ...env });
  const db = client.db(database);
  return { place, client, db, database, hashes: () => dbHash(client, database) };
}

/** Four collections, indexes and a view, about `megabytes` of BSON that compresses little. */
export async function fillTarget(db: Db, random: Random, megabytes: number): Promise<void> {
  for (const name of ["patients", "operations", "audit", "scans"]) {
    const count = Math.max(10, Math.round((megabytes * 1e6) / 4 / 1_000));
    const documents = Array.from({ length: count }, (_, n) => ({
      _id: n as never,
      n,
      name: `${name} ${random.below(1e6)}`,
      scan: random.bytes(900),
    }));
    await db.collection(name).insertMany(documents, { ordered: false });
    await db.collection(name).createIndex({ name: 1 });
  }
  await db.createCollection("adults", { viewOn: "patients", pipeline: [{ $match: { n: 1 } }] });
}
