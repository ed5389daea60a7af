// The state of a database: per collection the server's dbHash, options and indexes, without the collections that
// restores retain.
import type { Db } from "mongodb";
import { dbHash, describeCatalog } from "../../tests/support/fidelity.ts";
import type { MongoClient } from "mongodb";

/** Name → all that makes it what it is; of a view its definition, of a time series its buckets. */
export type State = Readonly<Record<string, string>>;

const BUCKETS = "system.buckets.";

export async function readState(client: MongoClient, database: string): Promise<State> {
  const db: Db = client.db(database);
  const [hashes, catalog] = [await dbHash(client, database), await describeCatalog(db)];
  return Object.fromEntries(
    catalog.map(({ name, ...rest }) => {
      const known = name as string;
      const hash = hashes[known] ?? hashes[`${BUCKETS}${known}`] ?? null;
      return [known, JSON.stringify({ hash, ...rest })];
    }),
  );
}

/** `over` takes the place of `live` in what is named; what it has not is gone there. */
export function overlay(live: State, over: State, names: ReadonlySet<string>): State {
  const kept = Object.entries(live).filter(([name]) => !names.has(name));
  const laid = Object.entries(over).filter(([name]) => names.has(name));
  return Object.fromEntries([...kept, ...laid]);
}

export function isEqualState(a: State, b: State): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
