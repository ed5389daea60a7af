// Canonical Extended JSON v2 ↔ raw BSON, with the order of keys kept both ways
// (https://github.com/mongodb/specifications/blob/master/source/extended-json/extended-json.md).
// JSON.parse would move integer-like keys to the front, and an index would become another index.
import * as BSON from "bson";
import { skipValue, TYPE_ARRAY, TYPE_DOCUMENT } from "./element.ts";
import { readLeaf } from "./ordered.ts";

/** One line of canonical Extended JSON. `raw` must be valid BSON. */
export function rawToEjson(raw: Uint8Array): string {
  return writeDocument(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength), 0, false);
}

function writeDocument(b: Buffer, start: number, isArray: boolean): string {
  const parts: string[] = [];
  let at = start + 4;
  for (let type = b[at] ?? 0; type !== 0; type = b[at] ?? 0) {
    const nameEnd = b.indexOf(0, at + 1);
    const name = b.toString("utf8", at + 1, nameEnd);
    const next = skipValue(b, type, nameEnd + 1);
    const value = writeValue(b, type, nameEnd + 1, next);
    parts.push(isArray ? value : `${JSON.stringify(name)}:${value}`);
    at = next;
  }
  return isArray ? `[${parts.join(",")}]` : `{${parts.join(",")}}`;
}

function writeValue(b: Buffer, type: number, at: number, end: number): string {
  if (type === TYPE_DOCUMENT || type === TYPE_ARRAY)
    return writeDocument(b, at, type === TYPE_ARRAY);
  // The library drops it, and with it the field.
  if (type === 0x06) return '{"$undefined":true}';
  const text = BSON.EJSON.stringify({ v: readLeaf(b, type, at, end) }, { relaxed: false });
  return text.slice('{"v":'.length, -1);
}

/** The raw BSON of a JSON object. @throws SyntaxError for text that is not canonical Extended JSON */
export function ejsonToRaw(text: string): Uint8Array {
  const value = parseJson(text);
  if (!(value instanceof Map)) throw new SyntaxError("not a JSON object");
  try {
    return BSON.serialize(fromJson(value) as BSON.Document, { ignoreUndefined: false });
  } catch (error) {
    // The library names what is wrong with a wrapper in errors of every kind, TypeError included.
    throw new SyntaxError("not canonical Extended JSON", { cause: error });
  }
}

export type OrderedJson =
  Map<string, OrderedJson> | OrderedJson[] | string | number | boolean | null;

/** Objects with exactly these keys are values, not documents; `$regex` and others are operators. */
const WRAPPERS = new Set(
  [
    ["$numberInt"],
    ["$numberLong"],
    ["$numberDouble"],
    ["$numberDecimal"],
    ["$oid"],
    ["$date"],
    ["$binary"],
    ["$uuid"],
    ["$timestamp"],
    ["$regularExpression"],
    ["$symbol"],
    ["$code"],
    ["$code", "$scope"],
    ["$dbPointer"],
    ["$minKey"],
    ["$maxKey"],
    ["$undefined"],
  ].map((keys) => keys.join()),
);

function fromJson(value: OrderedJson): unknown {
  if (Array.isArray(value)) return value.map(fromJson);
  if (!(value instanceof Map)) return value;
  if (WRAPPERS.has([...value.keys()].sort().join()))
    return BSON.EJSON.parse(plainText(value), { relaxed: false }) as unknown;
  return new Map([...value].map(([key, inner]) => [key, fromJson(inner)]));
}

function plainText(value: OrderedJson): string {
  if (Array.isArray(value)) return `[${value.map(plainText).join()}]`;
  if (!(value instanceof Map)) return JSON.stringify(value);
  return `{${[...value].map(([k, v]) => `${JSON.stringify(k)}:${plainText(v)}`).join()}}`;
}

const TOKEN = /\s*(?:([{}[\],:])|("[^"\\]*(?:\\.[^"\\]*)*")|(true|false|null|-?\d[\d.eE+-]*))\s*/y;
const DEEPEST = 400;

/** JSON with objects as Maps in the order of the text. @throws SyntaxError */
export function parseJson(text: string): OrderedJson {
  const tokens = tokenize(text);
  let at = 0;
  const next = () => {
    const token = tokens[at++];
    if (token === undefined) throw new SyntaxError("the JSON text ends too early");
    return token;
  };
  const expect = (wanted: string) => {
    const token = next();
    if (token !== wanted) throw new SyntaxError(`expected ${wanted} in the JSON text`);
  };
  const readItems = (end: string, readItem: () => void) => {
    if (tokens[at] === end) {
      at++;
      return;
    }
    for (;;) {
      readItem();
      const token = next();
      if (token === end) return;
      if (token !== ",") throw new SyntaxError(`expected , or ${end} in the JSON text`);
    }
  };
  const readValue = (depth: number): OrderedJson => {
    if (depth > DEEPEST) throw new SyntaxError("the JSON text is nested too deeply");
    const token = next();
    if (token === "{") {
      const object = new Map<string, OrderedJson>();
      readItems("}", () => {
        const key = JSON.parse(next()) as unknown;
        if (typeof key !== "string") throw new SyntaxError("a key in the JSON text is no string");
        expect(":");
        object.set(key, readValue(depth + 1));
      });
      return object;
    }
    if (token === "[") {
      const list: OrderedJson[] = [];
      readItems("]", () => list.push(readValue(depth + 1)));
      return list;
    }
    return JSON.parse(token) as string | number | boolean | null;
  };
  const value = readValue(0);
  if (at !== tokens.length) throw new SyntaxError("more follows after the JSON text");
  return value;
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const start = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (!match) throw new SyntaxError(`not JSON at character ${start}`);
    tokens.push(match[1] ?? match[2] ?? match[3] ?? "");
  }
  return tokens;
}
