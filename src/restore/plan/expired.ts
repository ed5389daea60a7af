// Which documents of a backup the server will delete as soon as they are restored: those that are older than the
// expiry of their collection or of one of its indexes. Pure.
import type { CollectionMetadata } from "../../archive/metadata.ts";
import { rawToEjson } from "../../bson/ejson.ts";
import { parseQuery } from "../../bson/query/query.ts";
import type { Query } from "../../bson/query/query.ts";
import { KeepError } from "../../errors.ts";

/**
 * Holds for what has expired at `nowMs`; null: nothing of the collection expires. "unknown": something may, and it
 * cannot be told without the server what.
 */
export function expiredQuery(
  metadata: CollectionMetadata,
  nowMs: number,
): Query | null | "unknown" {
  const rules = [
    ruleOfCollection(metadata, nowMs),
    ...metadata.indexes.map((raw) => ruleOfIndex(raw, nowMs)),
  ];
  const some = rules.filter((rule) => rule !== null);
  if (some.length === 0) return null;
  if (some.some((rule) => rule === "unknown")) return "unknown";
  try {
    return parseQuery(JSON.stringify({ $or: some }));
  } catch (error) {
    // A partial filter may ask for what only the server can tell.
    if (error instanceof KeepError && error.code === "usage") return "unknown";
    throw error;
  }
}

type Rule = Readonly<Record<string, unknown>> | "unknown" | null;
type Fields = Readonly<Record<string, unknown>>;

/** In seconds, of the server: how long a bucket of each granularity may grow. */
const SPANS: Readonly<Record<string, number>> = {
  seconds: 3_600,
  minutes: 86_400,
  hours: 2_592_000,
};

/** Of a clustered collection by its `_id`; of a time series by its buckets, each of which goes as a whole. */
function ruleOfCollection({ options }: CollectionMetadata, nowMs: number): Rule {
  const { expireAfterSeconds, timeseries } = JSON.parse(rawToEjson(options)) as Fields;
  const seconds = numberOf(expireAfterSeconds);
  if (seconds === null) return null;
  if (!isFields(timeseries)) return olderThan("_id", seconds, nowMs);
  const { timeField, granularity = "seconds", bucketMaxSpanSeconds } = timeseries;
  const span = numberOf(bucketMaxSpanSeconds) ?? SPANS[String(granularity)];
  if (typeof timeField !== "string" || span === undefined) return "unknown";
  return olderThan(`control.min.${timeField}`, seconds + span, nowMs);
}

function ruleOfIndex(raw: Uint8Array, nowMs: number): Rule {
  const { key, expireAfterSeconds, partialFilterExpression } = JSON.parse(
    rawToEjson(raw),
  ) as Fields;
  if (expireAfterSeconds === undefined || !isFields(key)) return null;
  const [field, ...others] = Object.keys(key);
  // The server takes no notice of the expiry of an index of several fields.
  if (field === undefined || others.length > 0) return null;
  const seconds = numberOf(expireAfterSeconds);
  if (seconds === null) return "unknown";
  const old = olderThan(field, seconds, nowMs);
  return isFields(partialFilterExpression) && old !== null
    ? { $and: [old, partialFilterExpression] }
    : old;
}

function olderThan(field: string, seconds: number, nowMs: number): Rule {
  const ms = Math.floor(nowMs - seconds * 1_000);
  // Beyond what a date can say nothing is old enough.
  if (!Number.isSafeInteger(ms)) return null;
  return { [field]: { $lt: { $date: { $numberLong: String(ms) } } } };
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** A number of canonical Extended JSON; null: it is none. */
function numberOf(value: unknown): number | null {
  if (typeof value === "number") return value;
  if (!isFields(value)) return null;
  const number = Number(value.$numberInt ?? value.$numberLong ?? value.$numberDouble ?? NaN);
  return Number.isFinite(number) ? number : null;
}
