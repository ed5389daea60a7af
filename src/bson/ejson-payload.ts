// What a type wrapper of Extended JSON may contain. The library reads "abc" as the number 0, an invalid date as 1970,
// and a number that is too long as another one. A query would then be answered wrongly, or a restored TTL index would
// delete everything at once.
import { JsonObject } from "./json-text.ts";
import type { Json } from "./json-text.ts";

const INT32_END = 2n ** 31n;
const INT64_END = 2n ** 63n;
const MOST_DIGITS = 19;
const UINT32_END = 2 ** 32;
const INTEGER = /^-?\d+$/;
const DOUBLE = /^(?:-?Infinity|NaN|[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?)$/i;

const CHECKS: ReadonlyMap<string, (payload: Json) => boolean> = new Map([
  ["$numberInt", (payload: Json) => isInteger(payload, INT32_END)],
  ["$numberLong", (payload: Json) => isInteger(payload, INT64_END)],
  ["$numberDouble", (payload: Json) => DOUBLE.test(textOf(payload))],
  ["$date", isDate],
  ["$timestamp", isTimestamp],
  ["$code", (payload: Json) => typeof payload === "string"],
  ["$undefined", (payload: Json) => payload === true],
  ["$minKey", (payload: Json) => payload === 1],
  ["$maxKey", (payload: Json) => payload === 1],
]);

/** @throws SyntaxError for a payload that the library would read as another value */
export function assertPayload(wrapper: JsonObject): void {
  for (const [name, payload] of wrapper.fields)
    if (CHECKS.get(name)?.(payload) === false) throw new SyntaxError(`${name} holds no such value`);
}

/** People write numbers without quotes; "" for anything else. */
function textOf(payload: Json): string {
  return typeof payload === "number" ? String(payload) : typeof payload === "string" ? payload : "";
}

function isInteger(payload: Json, end: bigint): boolean {
  const text = textOf(payload);
  if (!INTEGER.test(text) || text.length > MOST_DIGITS + 1) return false;
  const value = BigInt(text);
  return value >= -end && value < end;
}

function isDate(payload: Json): boolean {
  if (typeof payload === "string") return !Number.isNaN(Date.parse(payload));
  return payload instanceof JsonObject && isInteger(fieldOf(payload, "$numberLong"), INT64_END);
}

function isTimestamp(payload: Json): boolean {
  if (!(payload instanceof JsonObject)) return false;
  return ["t", "i"].every((name) => {
    const part = fieldOf(payload, name);
    return Number.isInteger(part) && Number(part) >= 0 && Number(part) < UINT32_END;
  });
}

const fieldOf = (json: JsonObject, name: string): Json =>
  json.fields.find(([key]) => key === name)?.[1] ?? null;

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** @throws SyntaxError for text that is not base64: a Buffer skips unknown characters */
export function fromBase64(text: string): Buffer {
  if (!BASE64.test(text)) throw new SyntaxError("no base64");
  return Buffer.from(text, "base64");
}
