// The values that a dotted path leads to, as the server finds them (matcher/path.cpp): through arrays into each of
// their documents, into arrays by number, and at the end both the items of an array and the array itself.
import { TYPE_ARRAY, TYPE_DOCUMENT } from "../element.ts";
import { elementsOf, fieldOf, MISSING } from "./value.ts";
import type { Value } from "./value.ts";

export interface Path {
  readonly parts: readonly string[];
  readonly names: readonly Buffer[];
}

export function parsePath(text: string): Path {
  const parts = text.split(".");
  return { parts, names: parts.map((part) => Buffer.from(part, "utf8")) };
}

export type Test = (value: Value) => boolean;

/**
 * Whether `test` is true for any value of the path in the document at `start`, or for MISSING if the path leads to
 * nothing. `isWhole`: an array at the end counts only as itself.
 */
export function someValue(
  b: Buffer,
  start: number,
  path: Path,
  isWhole: boolean,
  test: Test,
  from = 0,
): boolean {
  let document = start;
  const last = path.names.length - 1;
  for (let n = from; ; n++) {
    const value = fieldOf(b, document, path.names[n] ?? Buffer.alloc(0));
    if (value.type === TYPE_ARRAY) return someItem(value, path, isWhole, test, n);
    if (value.type === 0 || n === last) return test(value);
    if (value.type !== TYPE_DOCUMENT) return test(MISSING);
    document = value.at;
  }
}

/** `n`: number of path parts up to the array. */
function someItem(array: Value, path: Path, isWhole: boolean, test: Test, n: number): boolean {
  const next = n + 1;
  const isLast = next === path.parts.length;
  if (isLast && isWhole) return test(array);
  for (const item of elementsOf(array.b, array.at)) {
    if (isLast) {
      if (test(item)) return true;
      continue;
    }
    if (item.type === TYPE_DOCUMENT && someValue(item.b, item.at, path, isWhole, test, next))
      return true;
    if (item.name === path.parts[next] && atIndex(item, path, isWhole, test, next)) return true;
  }
  return isLast && test(array);
}

/** The item that the path selects by number. */
function atIndex(item: Value, path: Path, isWhole: boolean, test: Test, n: number): boolean {
  if (n + 1 === path.parts.length) return test(item);
  if (item.type === TYPE_ARRAY) return someItem(item, path, isWhole, test, n);
  if (item.type !== TYPE_DOCUMENT) return false;
  return someValue(item.b, item.at, path, isWhole, test, n + 1);
}
