// Expiry comes last of all: from here on the server may delete expired documents, within 60 s.
import type { MongoClient } from "mongodb";
import { MongoServerError } from "mongodb";
import { withinLimit } from "../../mongo/lock-limit.ts";
import type { LockLimit } from "../../mongo/lock-limit.ts";
import { driverError } from "../../mongo/server-error.ts";
import { collectionExpiry, EXPIRY, setExpiry } from "./create.ts";
import { buildIndexes, splitIndexes, withoutExpiry } from "./indexes.ts";
import type { Definition } from "./indexes.ts";
import type { Run, Work } from "./load-collections.ts";
import { step } from "../record/step.ts";

/** Whether anything of a collection expires. */
export function hasExpiry({ metadata }: Pick<Work, "metadata">): boolean {
  return (
    metadata !== null &&
    (splitIndexes(metadata).expiring.length > 0 || collectionExpiry(metadata) !== null)
  );
}

/**
 * Gives each collection, under the name that it was planned for, its expiry. May be called again. Indexes
 * that were built without their expiry get it by collMod (MongoDB 5.1 and later), which costs nothing;
 * where that is refused they are dropped and built anew.
 */
export async function expireAll(
  run: Pick<Run, "deployment" | "record" | "context">,
  work: readonly Work[],
): Promise<void> {
  const { client } = run.deployment;
  for (const { planned, metadata } of work) {
    if (!metadata || planned.type === "view" || !hasExpiry({ metadata })) continue;
    const { expiring } = splitIndexes(metadata);
    const expiry = collectionExpiry(metadata);
    const limit = run.context.lockLimit ?? { client, ...BESIDE_OTHERS };
    await step(run, { name: "expire", namespace: planned.namespace }, async () => {
      const there = await indexNames(client, planned);
      const absent = expiring.filter((d) => !there.has(nameOf(d)));
      await buildIndexes(client, planned, absent);
      for (const definition of expiring)
        if (!absent.includes(definition)) await addExpiry(limit, planned, definition);
      if (expiry !== null)
        await withinLimit(limit, planned.namespace, (ms) => setExpiry(client, planned, expiry, ms));
    });
  }
}

/** The service runs by now: what waits for a collection holds up whoever comes after it. */
const BESIDE_OTHERS = { waitMs: 60_000, tryMs: 200 } as const;

const nameOf = (definition: Definition) => String(definition.get("name"));

interface Place {
  readonly database: string;
  readonly name: string;
}

async function indexNames(client: MongoClient, { database, name }: Place): Promise<Set<string>> {
  try {
    const indexes = await client.db(database).collection(name).listIndexes().toArray();
    return new Set(indexes.map((index) => String((index as { name: unknown }).name)));
  } catch (error) {
    throw driverError("list", `${database}.${name}`, error);
  }
}

async function addExpiry(limit: LockLimit, place: Place, definition: Definition): Promise<void> {
  const { database, name } = place;
  const { client } = limit;
  const db = client.db(database);
  try {
    const index = { name: nameOf(definition), expireAfterSeconds: definition.get(EXPIRY) };
    await withinLimit(limit, `${database}.${name}`, (maxTimeMS) =>
      db.command({ collMod: name, index, maxTimeMS }),
    );
  } catch (error) {
    if (!(error instanceof MongoServerError)) throw driverError("create", database, error);
    await rebuild(client, place, definition);
  }
}

async function rebuild(client: MongoClient, place: Place, definition: Definition): Promise<void> {
  const { database, name } = place;
  try {
    await client.db(database).command({ dropIndexes: name, index: nameOf(definition) });
    await buildIndexes(client, place, [definition]);
  } catch (error) {
    // Better an index without its expiry than none.
    await buildIndexes(client, place, [withoutExpiry(definition)]);
    throw driverError("create", `indexes of ${database}.${name}`, error);
  }
}
