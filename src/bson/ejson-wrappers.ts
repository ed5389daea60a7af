// The type wrappers of canonical Extended JSON v2, in exactly the form in which ejson-write.ts writes them.
import * as BSON from "bson";
import { byteAt } from "./byte-at.ts";
import {
  expectText,
  hexDigit,
  LineError,
  makeOut,
  openLength,
  putByte,
  putInt32,
  putString,
  readQuoted,
} from "./ejson-scan.ts";
import type { Scan } from "./ejson-scan.ts";

/** Writes the value's bytes and returns its type. The scan is after the key's colon. */
type Wrapper = (scan: Scan) => number;

/** By the first key of the object. Each one stops before the object's closing brace. */
export const WRAPPERS: ReadonlyMap<string, Wrapper> = new Map<string, Wrapper>([
  ["$numberInt", readInt],
  ["$numberLong", (scan) => (putInt64(scan), 0x12)],
  ["$numberDouble", readDouble],
  ["$numberDecimal", readDecimal],
  ["$oid", (scan) => (putObjectId(scan), 0x07)],
  ["$date", readDate],
  ["$binary", readBinary],
  ["$timestamp", readTimestamp],
  ["$regularExpression", readRegex],
  ["$symbol", (scan) => (putText(scan), 0x0e)],
  ["$code", (scan) => (putText(scan), 0x0d)],
  ["$dbPointer", readPointer],
  ["$minKey", (scan) => (expectText(scan, "1"), 0xff)],
  ["$maxKey", (scan) => (expectText(scan, "1"), 0x7f)],
  ["$undefined", (scan) => (expectText(scan, "true"), 0x06)],
]);

/** Length, UTF-8, terminator. */
export function putText(scan: Scan): void {
  const start = openLength(scan);
  putString(scan, false);
  putByte(scan, 0);
  scan.out.writeInt32LE(scan.written - start - 4, start);
}

/** UTF-8 and a zero byte. */
export function putCString(scan: Scan): void {
  putString(scan, true);
  putByte(scan, 0);
}

const INTEGER = /^(?:0|-?[1-9][0-9]{0,18})$/;
const DOUBLE = /^-?[0-9]+(?:\.[0-9]+)?(?:e[+-][0-9]+)?$/;
const LONGEST_NUMBER = 64;

function readInt(scan: Scan): number {
  const text = readQuoted(scan, LONGEST_NUMBER);
  const value = Number(text);
  if (!INTEGER.test(text) || value !== (value | 0)) throw new LineError("holds no 32-bit number");
  putInt32(scan, value);
  return 0x10;
}

const LONG_MAX = 2n ** 63n - 1n;

function putInt64(scan: Scan): void {
  const text = readQuoted(scan, LONGEST_NUMBER);
  if (!INTEGER.test(text)) throw new LineError("holds no 64-bit number");
  makeOut(scan, 8);
  const value = Number(text);
  if (Number.isSafeInteger(value)) {
    const high = Math.floor(value / 0x1_0000_0000);
    scan.out.writeUInt32LE(value - high * 0x1_0000_0000, scan.written);
    scan.out.writeInt32LE(high, scan.written + 4);
  } else {
    const long = BigInt(text);
    if (long > LONG_MAX || long < -LONG_MAX - 1n) throw new LineError("holds no 64-bit number");
    scan.out.writeBigInt64LE(long, scan.written);
  }
  scan.written += 8;
}

function readDouble(scan: Scan): number {
  const text = readQuoted(scan, LONGEST_NUMBER);
  const special = text === "Infinity" || text === "-Infinity" || text === "NaN";
  if (!special && !DOUBLE.test(text)) throw new LineError("holds no double");
  makeOut(scan, 8);
  scan.out.writeDoubleLE(Number(text), scan.written);
  // Otherwise the machine would choose the NaN's bits.
  if (text === "NaN") scan.out.writeBigUInt64LE(0x7ff8_0000_0000_0000n, scan.written);
  scan.written += 8;
  return 0x01;
}

const DECIMAL = /^(?:-?(?:Infinity|[0-9]+(?:\.[0-9]+)?(?:E[+-]?[0-9]+)?)|NaN)$/;

function readDecimal(scan: Scan): number {
  const text = readQuoted(scan, LONGEST_NUMBER);
  if (!DECIMAL.test(text)) throw new LineError("holds no decimal number");
  makeOut(scan, 16);
  try {
    scan.out.set(BSON.Decimal128.fromString(text).bytes, scan.written);
  } catch (error) {
    throw new LineError("holds no decimal number", { cause: error });
  }
  scan.written += 16;
  return 0x13;
}

function putObjectId(scan: Scan): void {
  expectText(scan, '"');
  makeOut(scan, 12);
  const { text, out } = scan;
  let at = scan.at;
  if (at + 25 > scan.end) throw new LineError("holds no ObjectId");
  for (let i = 0; i < 12; i++, at += 2)
    out[scan.written++] = hexDigit(byteAt(text, at)) * 16 + hexDigit(byteAt(text, at + 1));
  scan.at = at;
  expectText(scan, '"');
}

function readDate(scan: Scan): number {
  expectText(scan, '{"$numberLong":');
  putInt64(scan);
  expectText(scan, "}");
  return 0x09;
}

const OLD_BINARY = 2;

function readBinary(scan: Scan): number {
  expectText(scan, '{"base64":"');
  const start = scan.at;
  const end = scan.text.indexOf(0x22, start);
  if (end < 0 || end >= scan.end) throw new LineError("holds binary data without an end");
  scan.at = end;
  expectText(scan, '","subType":"');
  const kind = hexDigit(byteAt(scan.text, scan.at)) * 16 + hexDigit(byteAt(scan.text, scan.at + 1));
  scan.at += 2;
  expectText(scan, '"}');
  const bytes = lengthOfBase64(scan.text, start, end);
  // Subtype 2 stores its length twice.
  putInt32(scan, kind === OLD_BINARY ? bytes + 4 : bytes);
  putByte(scan, kind);
  if (kind === OLD_BINARY) putInt32(scan, bytes);
  makeOut(scan, bytes);
  const got = scan.out.write(
    scan.text.toString("latin1", start, end),
    scan.written,
    bytes,
    "base64",
  );
  if (got !== bytes) throw new LineError("holds binary data that is no base64");
  scan.written += bytes;
  return 0x05;
}

function lengthOfBase64(text: Buffer, start: number, end: number): number {
  if ((end - start) % 4 !== 0) throw new LineError("holds binary data that is no base64");
  const padding = text[end - 1] !== 0x3d || start === end ? 0 : text[end - 2] === 0x3d ? 2 : 1;
  return ((end - start) / 4) * 3 - padding;
}

function readTimestamp(scan: Scan): number {
  expectText(scan, '{"t":');
  const seconds = readUint32(scan);
  expectText(scan, ',"i":');
  const counter = readUint32(scan);
  expectText(scan, "}");
  makeOut(scan, 8);
  scan.written = scan.out.writeUInt32LE(counter, scan.written);
  scan.written = scan.out.writeUInt32LE(seconds, scan.written);
  return 0x11;
}

function readUint32(scan: Scan): number {
  const start = scan.at;
  let value = 0;
  for (; scan.at < scan.end && scan.at - start <= 10; scan.at++) {
    const digit = byteAt(scan.text, scan.at) - 0x30;
    if (digit < 0 || digit > 9) break;
    value = value * 10 + digit;
  }
  if (scan.at === start || value > 0xffff_ffff) throw new LineError("holds no timestamp");
  return value;
}

function readRegex(scan: Scan): number {
  expectText(scan, '{"pattern":');
  putCString(scan);
  expectText(scan, ',"options":');
  putCString(scan);
  expectText(scan, "}");
  return 0x0b;
}

function readPointer(scan: Scan): number {
  expectText(scan, '{"$ref":');
  putText(scan);
  expectText(scan, ',"$id":{"$oid":');
  putObjectId(scan);
  expectText(scan, "}}");
  return 0x0c;
}
