// The operators that can follow a field's name, each parsed from its raw operand.
import { KeepError } from "../../errors.ts";
import { TYPE_ARRAY, TYPE_BOOL, TYPE_DOCUMENT, TYPE_STRING } from "../element.ts";
import { isNumeric, numberKey } from "../number.ts";
import {
  anyItem,
  compareWith,
  every,
  hasSize,
  matchPattern,
  not,
  regexParts,
  some,
} from "./condition.ts";
import type { Comparison, Condition } from "./condition.ts";
import { createPattern } from "./pattern.ts";
import { elementsOf, textOf, TYPE_NULL, TYPE_REGEX, TYPE_UNDEFINED } from "./value.ts";
import type { Value } from "./value.ts";

/** What an operator needs from the parser. */
interface Parser {
  operatorsOf(document: Value): Condition;
  parseDocument(document: Value): (b: Buffer, start: number) => boolean;
}

type Read = (operand: Value, siblings: ReadonlyMap<string, Value>, parser: Parser) => Condition;

export const SUPPORTED =
  "$eq $ne $gt $gte $lt $lte $in $nin $exists $type $size $all $elemMatch $regex $not, and $and $or $nor";

export function refuse(message: string): KeepError {
  return new KeepError("usage", `--query: ${message}`, { hint: `Supported are ${SUPPORTED}.` });
}

export const FIELD_OPERATORS: ReadonlyMap<string, Read> = new Map<string, Read>([
  ["$eq", (operand) => compare("$eq", operand)],
  ["$ne", (operand) => not(compare("$eq", refuseRegex(operand, "$ne")))],
  ["$gt", (operand) => compare("$gt", refuseRegex(operand, "$gt"))],
  ["$gte", (operand) => compare("$gte", refuseRegex(operand, "$gte"))],
  ["$lt", (operand) => compare("$lt", refuseRegex(operand, "$lt"))],
  ["$lte", (operand) => compare("$lte", refuseRegex(operand, "$lte"))],
  ["$in", (operand) => inList(operand, "$in")],
  ["$nin", (operand) => not(inList(operand, "$nin"))],
  ["$exists", (operand) => (isTrue(operand) ? EXISTS : not(EXISTS))],
  ["$type", ofType],
  ["$size", ofSize],
  ["$all", all],
  ["$elemMatch", elementMatch],
  ["$regex", regex],
  // Read together with $regex.
  [
    "$options",
    (_, siblings) => (siblings.has("$regex") ? every([]) : fail("$options needs $regex")),
  ],
  ["$not", negate],
]);

const EXISTS = some(({ type }) => type !== 0);

function fail(message: string): never {
  throw refuse(message);
}

function compare(comparison: Comparison, wanted: Value): Condition {
  if (wanted.type === TYPE_UNDEFINED) fail("nothing can be compared with undefined");
  return some(compareWith(comparison, wanted));
}

function refuseRegex(operand: Value, name: string): Value {
  return operand.type === TYPE_REGEX ? fail(`${name} takes no regular expression`) : operand;
}

/** A value after a field's name, or in a list: a pattern is matched. */
export function equalTo(wanted: Value): Condition {
  if (wanted.type !== TYPE_REGEX) return compare("$eq", wanted);
  return patternOf(...regexParts(wanted));
}

function inList(operand: Value, name: string): Condition {
  const conditions = itemsOf(operand, name).map((item) => {
    if (firstName(item).startsWith("$")) fail(`${name} takes no operators`);
    return equalTo(item);
  });
  return some((value) => conditions.some((one) => one.onValue(value)));
}

function itemsOf(operand: Value, name: string): Value[] {
  if (operand.type !== TYPE_ARRAY) fail(`${name} needs an array`);
  return [...elementsOf(operand.b, operand.at)];
}

/** The name of an embedded document's first field; "" for anything else. */
function firstName(value: Value): string {
  if (value.type !== TYPE_DOCUMENT) return "";
  return elementsOf(value.b, value.at).next().value?.name ?? "";
}

function isTrue({ b, type, at }: Value): boolean {
  if (type === TYPE_BOOL) return b[at] !== 0;
  if (isNumeric(type)) return numberKey(b, type, at) !== "0";
  return type !== TYPE_NULL && type !== TYPE_UNDEFINED;
}

const TYPE_NAMES: ReadonlyMap<string, readonly number[]> = new Map([
  ["double", [1]],
  ["string", [2]],
  ["object", [3]],
  ["array", [4]],
  ["binData", [5]],
  ["undefined", [6]],
  ["objectId", [7]],
  ["bool", [8]],
  ["date", [9]],
  ["null", [10]],
  ["regex", [11]],
  ["dbPointer", [12]],
  ["javascript", [13]],
  ["symbol", [14]],
  ["javascriptWithScope", [15]],
  ["int", [16]],
  ["timestamp", [17]],
  ["long", [18]],
  ["decimal", [19]],
  ["minKey", [255]],
  ["maxKey", [127]],
  ["number", [1, 16, 18, 19]],
]);

function ofType(operand: Value): Condition {
  const named = operand.type === TYPE_ARRAY ? itemsOf(operand, "$type") : [operand];
  if (named.length === 0) fail("$type needs a type");
  const types = new Set(named.flatMap(typesOf));
  return some(({ type }) => types.has(type));
}

function typesOf(named: Value): readonly number[] {
  if (named.type === TYPE_STRING)
    return TYPE_NAMES.get(textOf(named)) ?? fail(`$type knows no ${JSON.stringify(textOf(named))}`);
  const code = isNumeric(named.type) ? Number(numberKey(named.b, named.type, named.at)) : NaN;
  const type = code === -1 ? 255 : code;
  const isKnown = [...TYPE_NAMES.values()].some((types) => types.length === 1 && types[0] === type);
  return isKnown ? [type] : fail("$type needs the name or the number of a type");
}

function ofSize(operand: Value): Condition {
  const { b, type, at } = operand;
  const size = isNumeric(type) ? Number(numberKey(b, type, at)) : NaN;
  if (!Number.isInteger(size) || size < 0) fail("$size needs a whole number");
  return some(hasSize(size), true);
}

/** All values must be present; or, if the first one is a $elemMatch, all conditions must hold. */
function all(operand: Value, _: unknown, parser: Parser): Condition {
  const items = itemsOf(operand, "$all");
  if (items.length === 0) return some(() => false);
  const byElement = items.map((item) => firstName(item) === "$elemMatch");
  if (byElement.includes(true)) {
    if (byElement.includes(false)) fail("$all takes either values or $elemMatch");
    return every(items.map((item) => parser.operatorsOf(item)));
  }
  if (items.some((item) => firstName(item).startsWith("$")))
    fail("$all takes no operators but $elemMatch");
  return every(items.map(equalTo));
}

const LOGICAL: readonly string[] = ["$and", "$or", "$nor"];
const REFERENCE: readonly string[] = ["$ref", "$id", "$db"];

/** With operators: tests a value in the array; otherwise a document in it. */
function elementMatch(operand: Value, _: unknown, parser: Parser): Condition {
  if (operand.type !== TYPE_DOCUMENT) fail("$elemMatch needs an object");
  const first = firstName(operand);
  if (first.startsWith("$") && !LOGICAL.includes(first) && !REFERENCE.includes(first)) {
    const condition = parser.operatorsOf(operand);
    return some(
      anyItem((item) => condition.onValue(item)),
      true,
    );
  }
  const query = parser.parseDocument(operand);
  const isObject = (type: number) => type === TYPE_DOCUMENT || type === TYPE_ARRAY;
  return some(
    anyItem(({ b, type, at }) => isObject(type) && query(b, at)),
    true,
  );
}

function negate(operand: Value, _: unknown, parser: Parser): Condition {
  if (operand.type === TYPE_REGEX) return not(equalTo(operand));
  if (!firstName(operand).startsWith("$")) fail("$not needs operators or a regular expression");
  return not(parser.operatorsOf(operand));
}

function regex(operand: Value, siblings: ReadonlyMap<string, Value>): Condition {
  const given = siblings.get("$options");
  if (given && given.type !== TYPE_STRING) fail("$options needs a string");
  const options = given ? textOf(given) : "";
  if (operand.type === TYPE_STRING) return patternOf(textOf(operand), options);
  if (operand.type !== TYPE_REGEX) fail("$regex needs a string or a regular expression");
  const [source, own] = regexParts(operand);
  if (own !== "" && options !== "") fail("options of $regex are given twice");
  return patternOf(source, own === "" ? options : own);
}

function patternOf(source: string, options: string): Condition {
  const unknown = /[^ims]/.exec(options)?.[0];
  if (unknown !== undefined) fail(`the option ${unknown} of a regular expression is not supported`);
  const sorted = ["i", "m", "s"].filter((one) => options.includes(one)).join("");
  try {
    return some(matchPattern(createPattern(source, sorted), source, sorted));
  } catch {
    return fail("the regular expression cannot be read as JavaScript's (flag u)");
  }
}
