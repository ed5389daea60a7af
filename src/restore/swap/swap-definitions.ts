// Options and indexes of what a swap renames, as they were before it: an undo compares with them what it renamed back.
import type { MongoClient } from "mongodb";
import type { Deployment } from "../../mongo/deployment.ts";
import { describe } from "../../mongo/namespaces.ts";
import type { NamespaceInfo } from "../../mongo/namespaces.ts";
import { asBuffer, readIndexesOf } from "../../mongo/read-indexes.ts";
import { driverError } from "../../mongo/server-error.ts";
import { optionsText } from "./standings.ts";
import type { SwapItem } from "./swap-plan.ts";

/** The items, with the definitions of what stands there now. */
export async function withDefinitions(
  { client }: Pick<Deployment, "client">,
  items: readonly SwapItem[],
): Promise<SwapItem[]> {
  const known = await readDefinitions(
    client,
    items.filter(({ old }) => old.kind === "collection"),
  );
  return items.map((item) => {
    const { old } = item;
    const there = known.get(`${item.database}.${item.name}`);
    if (old.kind !== "collection" || there?.uuid !== old.uuid) return item;
    const indexes = there.indexes.map(optionsText);
    return { ...item, old: { ...old, defined: { options: optionsText(there.options), indexes } } };
  });
}

/** By namespace, what stands under the names of `items`. */
export async function readDefinitions(
  client: MongoClient,
  items: readonly Pick<SwapItem, "database" | "name">[],
): Promise<Map<string, NamespaceInfo>> {
  const found = new Map<string, NamespaceInfo>();
  const wanted = new Set(items.map(({ database, name }) => `${database}.${name}`));
  for (const database of new Set(items.map((item) => item.database))) {
    const own = (await listAll(client, database)).filter((one) =>
      wanted.has(`${database}.${one.name}`),
    );
    const indexes = await readIndexesOf(client, database, own, new AbortController().signal);
    own.forEach((one, n) => {
      found.set(`${database}.${one.name}`, { ...one, indexes: indexes[n] ?? [] });
    });
  }
  return found;
}

async function listAll(client: MongoClient, database: string): Promise<NamespaceInfo[]> {
  try {
    const listed = await client
      .db(database)
      .listCollections({}, { nameOnly: false, raw: true })
      .toArray();
    return listed.map((raw) => describe(database, asBuffer(raw as unknown as Uint8Array)));
  } catch (error) {
    throw driverError("list", database, error);
  }
}
