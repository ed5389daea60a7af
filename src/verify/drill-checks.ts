// The text of DRILL_CHECKS → checks: one a line, in a small language of their own. Pure.
// What must stay true: a line that is not understood in full is refused, never skipped; and no filter is
// repeated in a message, for it may hold a patient's name.
import { ejsonToRaw } from "../bson/ejson.ts";
import { holdsRaw, toOrdered } from "../bson/ordered.ts";
import { KeepError } from "../errors.ts";
import { parseDuration } from "../util/units.ts";

export const COMPARISONS = [">=", "<=", "==", "!=", ">", "<", "="] as const;
export type Comparison = (typeof COMPARISONS)[number];

/** What a check asks of the restored data. Filters are raw BSON. */
export type Question =
  | {
      readonly kind: "count";
      readonly filter: Uint8Array | null;
      readonly comparison: Comparison;
      readonly expected: number;
    }
  | { readonly kind: "exists"; readonly filter: Uint8Array; readonly wanted: boolean }
  | { readonly kind: "newest"; readonly field: string; readonly withinMs: number };

export interface DrillCheck {
  readonly name: string;
  readonly line: number;
  readonly database: string;
  readonly collection: string;
  readonly question: Question;
  /** The check as it may be shown: without what its filter holds. */
  readonly shown: string;
}

const LONGEST_NAME = 100;
const EXAMPLES = {
  count: "patients: surg.patients.countDocuments >= 1000",
  exists: 'first patient: surg.patients.findOne({"_id": 1}) exists',
  newest: "audit is fresh: surg.audit.newest(at) within 2d of backup",
};
const METHODS = { countDocuments: readCount, findOne: readExists, newest: readNewest } as const;
/** The shortest collection name that leaves a method behind it: a filter may hold such words too. */
const CALL = /^([^.\s]+)\.(\S.*?)\.(countDocuments|findOne|newest)(?![\w.])\s*(.*)$/;

/** @throws KeepError bad-setting naming the line, and what a right one looks like */
export function parseChecks(text: string, file: string): DrillCheck[] {
  const lines = text.replace(/^\ufeff/, "").split(/\r?\n/);
  const checks: DrillCheck[] = [];
  for (const [index, raw] of lines.entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const fail = (problem: string, example = EXAMPLES.count) =>
      malformed(`line ${index + 1} of ${file} ${problem}`, example, index + 1);
    const check = parseLine(line, index + 1, fail);
    const before = checks.find(({ name }) => name === check.name);
    if (before) throw fail(`has the name of line ${before.line}`);
    checks.push(check);
  }
  if (checks.length === 0) throw malformed(`${file} holds no check`, EXAMPLES.count, null);
  return checks;
}

type Fail = (problem: string, example?: string) => KeepError;

function malformed(message: string, example: string, line: number | null): KeepError {
  return new KeepError("bad-setting", message, {
    hint: `A right line looks like this: ${example}`,
    details: { setting: "DRILL_CHECKS", ...(line === null ? {} : { line }) },
  });
}

function parseLine(text: string, line: number, fail: Fail): DrillCheck {
  const colon = text.indexOf(":");
  const name = text.slice(0, Math.max(0, colon)).trim();
  if (name === "") throw fail("has no name before a colon");
  if (name.length > LONGEST_NAME) throw fail(`has a name of more than ${LONGEST_NAME} characters`);
  const [, database, collection, method, rest] = CALL.exec(text.slice(colon + 1).trim()) ?? [];
  if (!database || !collection || !method || rest === undefined)
    throw fail("names no database.collection with countDocuments, findOne or newest");
  const { question, shown } = METHODS[method as keyof typeof METHODS](rest, fail);
  const place = { database, collection };
  return { name, line, ...place, question, shown: `${database}.${collection}.${method}${shown}` };
}

interface Read {
  readonly question: Question;
  readonly shown: string;
}

/** `>= 1000`, `() = 0`, `({"status": "open"}) < 50` */
function readCount(rest: string, fail: Fail): Read {
  const [, filterText, sign, digits] =
    /^(?:\((.*)\)\s*)?(>=|<=|==|!=|>|<|=)\s*(\d+)$/.exec(rest) ?? [];
  const comparison = COMPARISONS.find((one) => one === sign);
  if (comparison === undefined || digits === undefined)
    throw fail("does not compare the count with a whole number (>=, <=, >, <, =, !=)");
  const expected = Number(digits);
  if (!Number.isSafeInteger(expected)) throw fail("compares with a number that is too large");
  const isAll = filterText === undefined || filterText.trim() === "";
  const filter = isAll ? null : readFilter(filterText, fail, 'open: surg.operations.countDocuments({"status": "open"}) < 50'); // prettier-ignore
  const question: Question = { kind: "count", filter, comparison, expected };
  return { question, shown: `${filter ? "({…})" : ""} ${comparison} ${expected}` };
}

/** `({"_id": 1}) exists`, `({"ward": null}) is missing` */
function readExists(rest: string, fail: Fail): Read {
  const [, filterText, word] = /^\((.*)\)\s*(exists|is missing)$/.exec(rest) ?? [];
  if (filterText === undefined || word === undefined)
    throw fail('does not end in "exists" or "is missing" after findOne({…})', EXAMPLES.exists);
  const filter = readFilter(filterText, fail, EXAMPLES.exists);
  return {
    question: { kind: "exists", filter, wanted: word === "exists" },
    shown: `({…}) ${word}`,
  };
}

/** `(at) within 2d of backup` */
function readNewest(rest: string, fail: Fail): Read {
  const [, fieldText = "", duration = ""] =
    /^\(([^()]*)\)\s*within\s+(.+?)\s+of\s+backup$/.exec(rest) ?? [];
  const field = fieldText.trim();
  const isField = field !== "" && !/["'\0\s]/.test(field) && field.split(".").every((part) => part !== "" && !part.startsWith("$")); // prettier-ignore
  if (!isField) throw fail("does not say newest(field) within a time of backup", EXAMPLES.newest);
  const withinMs = parseDuration(duration);
  if (withinMs === null || withinMs === 0)
    throw fail(`gives a time that is none (${JSON.stringify(duration)})`, EXAMPLES.newest);
  return {
    question: { kind: "newest", field, withinMs },
    shown: `(${field}) within ${duration} of backup`,
  };
}

function readFilter(text: string, fail: Fail, example: string): Uint8Array {
  let filter: Uint8Array;
  try {
    filter = ejsonToRaw(text.trim());
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw fail("has a filter that is not an Extended JSON object", example);
  }
  if (holdsRaw(toOrdered(filter))) throw fail("has a filter with values that cannot be asked for", example); // prettier-ignore
  return filter;
}
