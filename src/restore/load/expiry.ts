// Expiry comes last of all: from here on the server may delete expired documents, within 60 s.
import type { MongoClient } from "mongodb";
import { MongoServerError } from "mongodb";
import { withinLimit } from "../../mongo/lock-limit.ts";
import type { LockLimit } from "../../mongo/lock-limit.ts";
import { CODES, driverError } from "../../mongo/server-error.ts";
import { BY_PRIMARY, MAJORITY } from "../../mongo/write-concerns.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { collectionExpiry, EXPIRY, setExpiry } from "./create.ts";
import { buildIndexes, splitIndexes, withoutExpiry } from "./indexes.ts";
import type { Definition } from "./indexes.ts";
import type { Run, Work } from "./load-collections.ts";
import type { Defined } from "../restore-context.ts";
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
  work: readonly Defined[],
): Promise<void> {
  const { client } = run.deployment;
  for (const { planned, metadata } of work) {
    if (!metadata || planned.type === "view" || !hasExpiry({ metadata })) continue;
    const { expiring } = splitIndexes(metadata);
    const expiry = collectionExpiry(metadata);
    const limit = run.context.lockLimit ?? { client, ...BESIDE_OTHERS };
    await step(run, { name: "expire", namespace: planned.namespace }, async () => {
      const there = await indexNames(client, planned);
      if (there === null) return;
      const absent = expiring.filter((d) => !there.has(nameOf(d)));
      await buildIndexes(run.deployment, planned, absent, LASTING);
      for (const definition of expiring)
        if (!absent.includes(definition))
          await addExpiry(run.deployment, limit, planned, definition);
      if (expiry !== null)
        await withinLimit(limit, planned.namespace, (ms) => setExpiry(client, planned, expiry, ms));
    });
  }
}

/** Nothing waits for a majority after this step. */
const LASTING = { writeConcern: MAJORITY } as const;
/** The service runs by now: what waits for a collection holds up whoever comes after it. */
const BESIDE_OTHERS = { waitMs: 60_000, tryMs: 200 } as const;

const nameOf = (definition: Definition) => String(definition.get("name"));

interface Place {
  readonly database: string;
  readonly name: string;
}

/** null: the collection is gone, for the service may have dropped it by now. Then nothing of it expires. */
async function indexNames(
  client: MongoClient,
  { database, name }: Place,
): Promise<Set<string> | null> {
  try {
    const indexes = await client.db(database).collection(name).listIndexes().toArray();
    return new Set(indexes.map((index) => String((index as { name: unknown }).name)));
  } catch (error) {
    if (error instanceof MongoServerError && error.code === CODES.namespaceNotFound) return null;
    throw driverError("list", `${database}.${name}`, error);
  }
}

async function addExpiry(
  deployment: Deployment,
  limit: LockLimit,
  place: Place,
  definition: Definition,
): Promise<void> {
  const { database, name } = place;
  const { client } = limit;
  const db = client.db(database);
  try {
    const index = { name: nameOf(definition), expireAfterSeconds: definition.get(EXPIRY) };
    await withinLimit(limit, `${database}.${name}`, (maxTimeMS) =>
      db.command({ collMod: name, index, maxTimeMS, ...LASTING }),
    );
  } catch (error) {
    if (!(error instanceof MongoServerError) || error.code === CODES.writeConcernTimeout)
      throw driverError("create", database, error);
    await rebuild(deployment, place, definition);
  }
}

async function rebuild(
  deployment: Deployment,
  place: Place,
  definition: Definition,
): Promise<void> {
  const { database, name } = place;
  const drop = { dropIndexes: name, index: nameOf(definition), writeConcern: BY_PRIMARY };
  try {
    await deployment.client.db(database).command(drop);
    await buildIndexes(deployment, place, [definition], LASTING);
  } catch (error) {
    // Better an index without its expiry than none.
    await buildIndexes(deployment, place, [withoutExpiry(definition)], LASTING);
    throw driverError("create", `indexes of ${database}.${name}`, error);
  }
}
