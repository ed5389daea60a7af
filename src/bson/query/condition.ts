// Conditions on one field: on the values of a path, or on one item of an array ($elemMatch).
import { TYPE_ARRAY } from "../element.ts";
import { isNumeric, numberKey } from "../number.ts";
import { someValue } from "./path.ts";
import type { Path, Test } from "./path.ts";
import {
  compareValues,
  elementsOf,
  kindOf,
  textOf,
  TYPE_MAX_KEY,
  TYPE_MIN_KEY,
  TYPE_REGEX,
} from "./value.ts";
import type { Value } from "./value.ts";

export interface Condition {
  onPath(b: Buffer, start: number, path: Path): boolean;
  onValue(value: Value): boolean;
}

/** True if any value of the path passes. */
export function some(test: Test, isWhole = false): Condition {
  return {
    onPath: (b, start, path) => someValue(b, start, path, isWhole, test),
    onValue: test,
  };
}

export function not(condition: Condition): Condition {
  return {
    onPath: (b, start, path) => !condition.onPath(b, start, path),
    onValue: (value) => !condition.onValue(value),
  };
}

export function every(conditions: readonly Condition[]): Condition {
  return {
    onPath: (b, start, path) => conditions.every((one) => one.onPath(b, start, path)),
    onValue: (value) => conditions.every((one) => one.onValue(value)),
  };
}

export type Comparison = "$eq" | "$gt" | "$gte" | "$lt" | "$lte";

/** What each operator requires of `compareValues(value, wanted)`. */
const HOLDS: Readonly<Record<Comparison, (order: number) => boolean>> = {
  $eq: (order) => order === 0,
  $gt: (order) => order > 0,
  $gte: (order) => order >= 0,
  $lt: (order) => order < 0,
  $lte: (order) => order <= 0,
};

const NULL_AND_MISSING = 5;

/** Values of two kinds are neither less nor greater; null and a missing value are the same. */
export function compareWith(comparison: Comparison, wanted: Value): Test {
  const holds = HOLDS[comparison];
  const allowsEqual = holds(0);
  const wantsNaN = isNaNValue(wanted);
  return (value) => {
    const [kind, wantedKind] = [kindOf(value.type), kindOf(wanted.type)];
    if (kind !== wantedKind) {
      if (kind + wantedKind === NULL_AND_MISSING) return allowsEqual;
      if (wanted.type === TYPE_MAX_KEY) return comparison === "$lt" || comparison === "$lte";
      if (wanted.type === TYPE_MIN_KEY) return comparison === "$gt" || comparison === "$gte";
      return false;
    }
    if (wantsNaN || isNaNValue(value)) return allowsEqual && wantsNaN && isNaNValue(value);
    return holds(compareValues(value, wanted));
  };
}

const isNaNValue = ({ b, type, at }: Value) =>
  isNumeric(type) && numberKey(b, type, at).startsWith("NaN");

/** Matches strings, and the same pattern stored as a value. */
export function matchPattern(pattern: RegExp, source: string, options: string): Test {
  return (value) => {
    if (value.type === TYPE_REGEX) {
      const [ownSource, ownOptions] = regexParts(value);
      return ownSource === source && ownOptions === options;
    }
    return kindOf(value.type) === 15 && pattern.test(textOf(value));
  };
}

export function regexParts({ b, at }: Value): readonly [source: string, options: string] {
  const middle = b.indexOf(0, at);
  return [b.toString("utf8", at, middle), b.toString("utf8", middle + 1, b.indexOf(0, middle + 1))];
}

export function hasSize(size: number): Test {
  return (value) => value.type === TYPE_ARRAY && [...elementsOf(value.b, value.at)].length === size;
}

/** An array with an item that passes. */
export function anyItem(test: Test): Test {
  return (value) => {
    if (value.type !== TYPE_ARRAY) return false;
    for (const item of elementsOf(value.b, value.at)) if (test(item)) return true;
    return false;
  };
}
