// Canonical Extended JSON v2 → raw BSON, field by field, because an object in between could not hold repeated keys. It
// also accepts the relaxed numbers and dates of older tools.
import * as BSON from "bson";
import { byteAt } from "./byte-at.ts";
import { documentOf, rawElement } from "./build.ts";
import { assertPayload, fromBase64 } from "./ejson-payload.ts";
import { TYPE_ARRAY, TYPE_DOCUMENT } from "./element.ts";
import { JsonObject, parseJson } from "./json-text.ts";
import type { Json } from "./json-text.ts";

/** The raw BSON of a JSON object. @throws SyntaxError for text that is not canonical Extended JSON */
export function ejsonToRaw(text: string): Uint8Array {
  const value = parseJson(text);
  if (!(value instanceof JsonObject)) throw new SyntaxError("not a JSON object");
  try {
    return documentFrom(value.fields);
  } catch (error) {
    // The library reports malformed wrappers with errors of every kind, including TypeError.
    throw new SyntaxError("not canonical Extended JSON", { cause: error });
  }
}

interface Value {
  readonly type: number;
  readonly bytes: Uint8Array;
}

const documentFrom = (fields: JsonObject["fields"]): Buffer =>
  documentOf(fields.map(([name, value]) => elementOf(name, value)));

function elementOf(name: string, json: Json): Buffer {
  if (name.includes("\0")) throw new SyntaxError("a key holds a null character");
  const { type, bytes } = valueOf(json);
  return rawElement(type, name, bytes);
}

function valueOf(json: Json): Value {
  if (Array.isArray(json))
    return { type: TYPE_ARRAY, bytes: documentFrom(json.map((item, i) => [String(i), item])) };
  if (!(json instanceof JsonObject)) return byLibrary(json);
  return wrapped(json) ?? { type: TYPE_DOCUMENT, bytes: documentFrom(json.fields) };
}

/** An object with exactly these keys is a value, not a document. `$regex` and others are operators. */
const WRAPPERS: Readonly<Record<string, (json: JsonObject) => Value>> = {
  $numberInt: parsed,
  $numberLong: parsed,
  $numberDouble: parsed,
  $numberDecimal: parsed,
  $oid: parsed,
  $date: dateOf,
  $binary: binaryOf,
  $uuid: parsed,
  $timestamp: parsed,
  $regularExpression: regexOf,
  $symbol: parsed,
  $code: parsed,
  "$code,$scope": scopedCodeOf,
  $dbPointer: pointerOf,
  $minKey: parsed,
  $maxKey: parsed,
  $undefined: () => ({ type: 0x06, bytes: Buffer.alloc(0) }),
};

function wrapped(json: JsonObject): Value | null {
  const keys = json.fields.map(([name]) => name).sort();
  const read = Object.hasOwn(WRAPPERS, keys.join()) ? WRAPPERS[keys.join()] : undefined;
  if (!read) return null;
  assertPayload(json);
  return read(json);
}

/** A value in the form in which the library serializes it. */
function byLibrary(value: unknown): Value {
  const raw = BSON.serialize({ v: value });
  return { type: byteAt(raw, 4), bytes: raw.subarray(7, -1) };
}

function parsed(json: JsonObject): Value {
  return byLibrary(BSON.EJSON.parse(plainText(json), { relaxed: false }));
}

function plainText(json: Json): string {
  if (Array.isArray(json)) return `[${json.map(plainText).join()}]`;
  if (!(json instanceof JsonObject)) return JSON.stringify(json);
  return `{${json.fields.map(([k, v]) => `${JSON.stringify(k)}:${plainText(v)}`).join()}}`;
}

/** A field of a wrapper; undefined if it is missing. */
function get(json: Json | undefined, name: string): Json | undefined {
  return json instanceof JsonObject ? json.fields.find(([key]) => key === name)?.[1] : undefined;
}

function text(json: Json | undefined, what: string): string {
  if (typeof json === "string") return json;
  throw new SyntaxError(`${what} is no string`);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value, 0);
  return bytes;
}

const cString = (value: string) => {
  if (value.includes("\0")) throw new SyntaxError("a null character where none can be");
  return Buffer.from(`${value}\0`, "utf8");
};
const string = (value: string) => {
  const bytes = Buffer.from(`${value}\0`, "utf8");
  return Buffer.concat([int32(bytes.length), bytes]);
};

/** Any 64 bits, also beyond the range of JavaScript's Date. */
function dateOf(json: JsonObject): Value {
  const ms = get(get(json, "$date"), "$numberLong");
  if (typeof ms !== "string") return parsed(json);
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(ms), 0);
  return { type: 0x09, bytes };
}

function binaryOf(json: JsonObject): Value {
  const inner = get(json, "$binary");
  const subType = text(get(inner, "subType"), "the kind of a binary value");
  if (!/^[0-9a-f]{1,2}$/i.test(subType)) throw new SyntaxError("no kind of a binary value");
  const kind = Number.parseInt(subType, 16);
  const data = fromBase64(text(get(inner, "base64"), "a binary value"));
  // Subtype 2 stores its length twice.
  const held = kind === 2 ? Buffer.concat([int32(data.length), data]) : data;
  return { type: 0x05, bytes: Buffer.concat([int32(held.length), Buffer.from([kind]), held]) };
}

function regexOf(json: JsonObject): Value {
  const inner = get(json, "$regularExpression");
  const parts = ["pattern", "options"].map((name) => cString(text(get(inner, name), name)));
  return { type: 0x0b, bytes: Buffer.concat(parts) };
}

function pointerOf(json: JsonObject): Value {
  const inner = get(json, "$dbPointer");
  const id = text(get(get(inner, "$id"), "$oid"), "the id of a pointer");
  if (!/^[0-9a-f]{24}$/i.test(id)) throw new SyntaxError("no id of a pointer");
  const ref = string(text(get(inner, "$ref"), "a pointer"));
  return { type: 0x0c, bytes: Buffer.concat([ref, Buffer.from(id, "hex")]) };
}

function scopedCodeOf(json: JsonObject): Value {
  const code = string(text(get(json, "$code"), "code"));
  const scope = get(json, "$scope");
  if (!(scope instanceof JsonObject)) throw new SyntaxError("the scope of code is no document");
  const held = documentFrom(scope.fields);
  const length = int32(4 + code.length + held.length);
  return { type: 0x0f, bytes: Buffer.concat([length, code, held]) };
}
