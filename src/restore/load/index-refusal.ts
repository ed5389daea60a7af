// Which documents an index could not be built on: found by asking the server, as its error names none by `_id`.
// What must stay true: it only adds to an error. Where the documents cannot be found, the error stays as it was.
import type { MongoClient } from "mongodb";
import { MongoServerError } from "mongodb";
import { shortIdText } from "../../bson/id-text.ts";
import { KeepError } from "../../errors.ts";
import { idsInWords, NAMED_DOCUMENTS } from "../../mongo/refused.ts";
import { CODES, driverError } from "../../mongo/server-error.ts";

interface Place {
  readonly database: string;
  readonly name: string;
}

/** A restore has failed when this is asked: nobody waits longer to learn of what. */
const PATIENCE_MS = 30_000;

/** `error`, from building indexes of `target`, with the `_id`s of the documents that it is about. */
export async function indexRefusal(
  client: MongoClient,
  target: Place,
  error: unknown,
): Promise<KeepError> {
  const told = driverError("create", `indexes of ${target.database}.${target.name}`, error);
  if (!(error instanceof MongoServerError)) return told;
  const documentIds = await findDocuments(client, target, error).catch(() => [] as string[]);
  if (documentIds.length === 0) return told;
  const more = documentIds.length === NAMED_DOCUMENTS ? " and maybe more" : "";
  const why = error.code === CODES.duplicateKey ? "these have the same value" : "it is about";
  return new KeepError(
    "documents-refused",
    `${told.message}; ${why}: ${idsInWords(documentIds, documentIds.length)}${more}`,
    { details: { ...told.details, documentIds }, cause: told.cause },
  );
}

async function findDocuments(
  client: MongoClient,
  { database, name }: Place,
  error: MongoServerError,
): Promise<string[]> {
  if (error.code !== CODES.duplicateKey) return quotedId(error.message);
  const { keyPattern, keyValue, collation } = error.errorResponse as DuplicateKey;
  const collection = client.db(database).collection(name);
  // With a collation the server tells only what the value is sorted by.
  if (collation && keyPattern) {
    const options = { collation, allowDiskUse: true, maxTimeMS: PATIENCE_MS, raw: true };
    const pairs = collection.aggregate(samePairs(Object.keys(keyPattern)), options);
    return (await pairs.toArray()).map(toIdText);
  }
  if (!keyValue) return [];
  const same = Object.entries(keyValue).map(([path, value]) => ({ [path]: { $eq: value } }));
  const options = { projection: { _id: 1 }, maxTimeMS: PATIENCE_MS, raw: true };
  const found = collection.find({ $and: same }, options).limit(NAMED_DOCUMENTS);
  return (await found.toArray()).map(toIdText);
}

interface DuplicateKey {
  readonly keyPattern?: Readonly<Record<string, unknown>>;
  readonly keyValue?: Readonly<Record<string, unknown>>;
  readonly collation?: { readonly locale: string };
}

/** Two documents of each value that several have: not all of them, which might be the whole collection. */
function samePairs(paths: readonly string[]) {
  const key = paths.map((path) => ({ $ifNull: [`$${path}`, null] }));
  return [
    { $group: { _id: key, n: { $sum: 1 }, one: { $min: "$_id" }, other: { $max: "$_id" } } },
    { $match: { n: { $gt: 1 } } },
    { $limit: NAMED_DOCUMENTS / 2 },
    { $project: { _id: ["$one", "$other"] } },
    { $unwind: "$_id" },
  ];
}

const toIdText = (raw: unknown) => shortIdText(Buffer.from(raw as Uint8Array), 0);

/** Of geometries the server quotes the whole document: of that, its `_id` where it begins with one. */
const QUOTED =
  /(?:keys|caused by ::?): ?\{ _id: (?:ObjectId\('([0-9a-f]{24})'\)|"([^"]{0,200})"|(-?\d+))[, ]/;

function quotedId(message: string): string[] {
  const [, oid, text, number] = QUOTED.exec(message) ?? [];
  if (oid !== undefined) return [`{"$oid":"${oid}"}`];
  if (text !== undefined) return [JSON.stringify(text)];
  return number === undefined ? [] : [number];
}
