// Names the values of a document that Extended JSON cannot represent, found by trying each one separately.
import { byteAt } from "./byte-at.ts";
import { rawDocument } from "./build.ts";
import { skipValue, TYPE_ARRAY, TYPE_DOCUMENT } from "./element.ts";
import { keepAll, writeLines } from "./ejson-lines.ts";
import { isWrapper } from "./ejson-parse.ts";
import { createSink } from "./ejson-text.ts";

/** Whether a document is read back from its line unchanged. `raw` must be valid BSON. */
export function isKept(raw: Buffer): boolean {
  const sink = createSink(raw.length * 2 + 64);
  writeLines(sink, raw);
  return keepAll(sink.bytes.subarray(0, sink.length), raw, Buffer.allocUnsafe(raw.length + 64));
}

/** Each kind once, in document order; never a field name or a value. */
export function findLost(raw: Buffer): string[] {
  const found = new Set<string>();
  walk(raw, 0, "document", found);
  // No single value explains the difference.
  if (found.size === 0 && !isKept(raw)) found.add("a document of a form that JSON does not have");
  return [...found];
}

type Role = "document" | "embedded" | "array";

function walk(b: Buffer, start: number, role: Role, found: Set<string>): void {
  const keys: string[] = [];
  let at = start + 4;
  for (let type = byteAt(b, at); type !== 0; type = byteAt(b, at)) {
    const nameEnd = b.indexOf(0, at + 1);
    const name = b.subarray(at + 1, nameEnd);
    const next = skipValue(b, type, nameEnd + 1);
    if (role === "array" && name.toString("latin1") !== String(keys.length))
      found.add("an array whose keys are not 0, 1, 2 and so on");
    else if (!isKept(alone(0x0a, name, EMPTY))) found.add("a field name that is not UTF-8");
    keys.push(name.toString("latin1"));
    if (type === TYPE_DOCUMENT || type === TYPE_ARRAY)
      walk(b, nameEnd + 1, type === TYPE_ARRAY ? "array" : "embedded", found);
    else if (!isKept(alone(type, ANY_NAME, b.subarray(nameEnd + 1, next))))
      found.add(nameOf(type, b, nameEnd + 1));
    at = next;
  }
  if (role === "embedded" && isWrapper(keys))
    found.add(`a document with the keys of a type wrapper (${keys.join(", ")})`);
}

const EMPTY = Buffer.alloc(0);
const ANY_NAME = Buffer.from("v");

function alone(type: number, name: Buffer, value: Buffer): Buffer {
  return rawDocument(Buffer.concat([Buffer.from([type]), name, Buffer.from([0]), value]));
}

const NAMES: Readonly<Record<number, string>> = {
  0x01: "a NaN with a sign or a payload (double)",
  0x02: "text that is not UTF-8 (string)",
  0x05: "old binary data with wrong lengths (binary, subtype 2)",
  0x0b: "text that is not UTF-8 (regular expression)",
  0x0c: "text that is not UTF-8 (DBPointer)",
  0x0d: "text that is not UTF-8 (JavaScript code)",
  0x0e: "text that is not UTF-8 (symbol)",
  0x0f: "JavaScript code with scope, holding text that is not UTF-8 or another of these",
  0x13: "a decimal number in an uncommon encoding, or a NaN with a sign or a payload (Decimal128)",
};

function nameOf(type: number, b: Buffer, at: number): string {
  // Every finite double has a text that gives it back, so a lost double is a NaN.
  if (type === 0x01 && !Number.isNaN(b.readDoubleLE(at))) return "a double";
  return NAMES[type] ?? `a value of the BSON type ${type}`;
}
