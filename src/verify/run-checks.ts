// Puts the user's checks to a server that holds a restored backup. What comes back are verdicts and counts:
// never a value of a document, and no message of the server, which may quote one.
import type { MongoClient } from "mongodb";
import { MongoServerError } from "mongodb";
import { toOrdered } from "../bson/ordered.ts";
import { driverError } from "../mongo/server-error.ts";
import { formatCount } from "../util/units.ts";
import type { Comparison, DrillCheck } from "./drill-checks.ts";

export interface CheckResult {
  readonly name: string;
  /** The check as it may be shown: without what its filter holds. */
  readonly check: string;
  readonly ok: boolean;
  /** Why it failed, or what was counted. */
  readonly found: string;
}

export interface CheckPlace {
  readonly client: MongoClient;
  /** What the backup holds, `database.collection`: a slip of the pen must not pass for an empty collection. */
  readonly namespaces: ReadonlySet<string>;
  /** When the backup was made; null: nobody says. */
  readonly backupMs: number | null;
  readonly signal: AbortSignal;
}

/** @throws KeepError unreachable, rights-missing */
export async function runChecks(
  checks: readonly DrillCheck[],
  place: CheckPlace,
): Promise<CheckResult[]> {
  const results: CheckResult[] = [];
  for (const check of checks) {
    place.signal.throwIfAborted();
    const { name, shown } = check;
    results.push({ name, check: shown, ...(await runOne(check, place)) });
  }
  return results;
}

type Verdict = Pick<CheckResult, "ok" | "found">;

async function runOne(check: DrillCheck, place: CheckPlace): Promise<Verdict> {
  const { database, collection, question } = check;
  const namespace = `${database}.${collection}`;
  if (!place.namespaces.has(namespace))
    return { ok: false, found: `the backup holds no ${namespace}` };
  if (question.kind === "newest") return await newest(check, question, place);
  const { filter } = question;
  const matching = filter === null ? [] : [{ $match: toOrdered(filter) }];
  const limit = question.kind === "exists" ? [{ $limit: 1 }] : [];
  const counted = await ask(check, place, [...matching, ...limit, { $count: "n" }]);
  if ("refused" in counted) return { ok: false, found: counted.refused };
  const n = Number(counted.first?.n ?? 0);
  if (question.kind === "exists")
    return { ok: n > 0 === question.wanted, found: n > 0 ? "it is there" : "there is none" };
  return { ok: holds(n, question.comparison, question.expected), found: formatCount(n) };
}

function holds(n: number, comparison: Comparison, expected: number): boolean {
  if (comparison === ">=") return n >= expected;
  if (comparison === "<=") return n <= expected;
  if (comparison === ">") return n > expected;
  if (comparison === "<") return n < expected;
  return comparison === "!=" ? n !== expected : n === expected;
}

const MOMENTS = ["date", "timestamp", "objectId"];

async function newest(
  check: DrillCheck,
  { field, withinMs }: { readonly field: string; readonly withinMs: number },
  place: CheckPlace,
): Promise<Verdict> {
  if (place.backupMs === null)
    return { ok: false, found: "the dump does not say when it was made" };
  const value = `$${field}`;
  const asked = await ask(check, place, [
    { $match: { $expr: { $in: [{ $type: value }, MOMENTS] } } },
    { $group: { _id: null, newest: { $max: { $toDate: value } } } },
  ]);
  if ("refused" in asked) return { ok: false, found: asked.refused };
  const moment: unknown = asked.first?.newest;
  if (!(moment instanceof Date)) return { ok: false, found: `no document has a date in ${field}` };
  const ok = moment.getTime() >= place.backupMs - withinMs;
  return { ok, found: ok ? "it is as new as that" : "the newest one is older" };
}

type Answer =
  { readonly first: Readonly<Record<string, unknown>> | undefined } | { readonly refused: string };

async function ask(
  { database, collection }: DrillCheck,
  { client }: CheckPlace,
  pipeline: readonly object[],
): Promise<Answer> {
  try {
    const reply = await client
      .db(database)
      .command({ aggregate: collection, pipeline, cursor: {}, allowDiskUse: true });
    const [first] = (reply.cursor as { firstBatch: Readonly<Record<string, unknown>>[] })
      .firstBatch;
    return { first };
  } catch (error) {
    const known = driverError("read", `${database}.${collection}`, error);
    if (!(error instanceof MongoServerError) || known.code !== "server-error") throw known;
    const name = error.codeName ?? `code ${String(error.code)}`;
    return { refused: `the server refuses the query (${name})` };
  }
}
