// Tracks which of the names in a replay exist on the server: asked once for each database, then followed. A write to a
// missing collection must be distinguished from a write to one that a later entry drops.
import type { MongoClient } from "mongodb";
import { driverError } from "../mongo/server-error.ts";
import type { Target } from "./rewrite.ts";

export class Standing {
  readonly #client: MongoClient;
  readonly #names = new Map<string, Set<string>>();

  constructor(client: MongoClient) {
    this.#client = client;
  }

  async has({ database, collection }: Target): Promise<boolean> {
    const known = this.#names.get(database);
    return (known ?? (await this.#ask(database))).has(collection);
  }

  async set({ database, collection }: Target, isThere: boolean): Promise<void> {
    const names = this.#names.get(database) ?? (await this.#ask(database));
    if (isThere) names.add(collection);
    else names.delete(collection);
  }

  async #ask(database: string): Promise<Set<string>> {
    try {
      const cursor = this.#client.db(database).listCollections({}, { nameOnly: true });
      const names = new Set((await cursor.toArray()).map(({ name }) => name));
      this.#names.set(database, names);
      return names;
    } catch (error) {
      throw driverError("list", database, error);
    }
  }
}
