// Raw BSON → canonical Extended JSON v2 (https://github.com/mongodb/specifications, source/extended-json), keeping the
// order of keys, including repeated and integer-like ones. Values are read from their bytes, because the library would
// change or refuse dates beyond the range of JavaScript's Date (Java's Long.MAX_VALUE for "never") and the order of a
// regular expression's options.
import * as BSON from "bson";
import { byteAt } from "./byte-at.ts";
import { skipValue, TYPE_ARRAY, TYPE_DOCUMENT } from "./element.ts";
import { makeRoom, writeAscii, writeHex, writeInt64, writeQuoted } from "./ejson-text.ts";
import type { TextSink } from "./ejson-text.ts";

const COMMA = 0x2c;
const OLD_BINARY = 2;
/** Room for `"}}` and any other closing text. */
const MOST_TO_CLOSE = 8;

/** The document (or array) at `start` of valid BSON. Text that is not UTF-8 is copied unchanged. */
export function writeDocument(sink: TextSink, b: Buffer, start: number, isArray: boolean): void {
  writeByte(sink, isArray ? 0x5b : 0x7b);
  let at = start + 4;
  let first = true;
  for (let type = byteAt(b, at); type !== 0; type = byteAt(b, at)) {
    let nameEnd = at + 1;
    while (b[nameEnd] !== 0) nameEnd++;
    if (first) first = false;
    else writeByte(sink, COMMA);
    if (!isArray) {
      writeQuoted(sink, b, at + 1, nameEnd);
      writeByte(sink, 0x3a);
    }
    const next = skipValue(b, type, nameEnd + 1);
    writeValue(sink, b, type, nameEnd + 1, next);
    at = next;
  }
  writeByte(sink, isArray ? 0x5d : 0x7d);
}

function writeByte(sink: TextSink, byte: number): void {
  makeRoom(sink, MOST_TO_CLOSE);
  sink.bytes[sink.length++] = byte;
}

function writeValue(sink: TextSink, b: Buffer, type: number, at: number, end: number): void {
  switch (type) {
    case 0x01: {
      wrap(sink, '{"$numberDouble":"', doubleText(b.readDoubleLE(at)), '"}');
      return;
    }
    case 0x02:
      writeQuoted(sink, b, at + 4, end - 1);
      return;
    case TYPE_DOCUMENT:
    case TYPE_ARRAY:
      writeDocument(sink, b, at, type === TYPE_ARRAY);
      return;
    case 0x05:
      writeBinary(sink, b, at, end);
      return;
    case 0x06:
      writeAscii(sink, '{"$undefined":true}');
      return;
    case 0x07:
      writeAscii(sink, '{"$oid":"');
      writeHex(sink, b, at, end);
      writeAscii(sink, '"}');
      return;
    case 0x08:
      writeAscii(sink, b[at] === 1 ? "true" : "false");
      return;
    case 0x09:
      writeAscii(sink, '{"$date":{"$numberLong":"');
      writeInt64(sink, b, at);
      writeAscii(sink, '"}}');
      return;
    case 0x0a:
      writeAscii(sink, "null");
      return;
    case 0x10: {
      wrap(sink, '{"$numberInt":"', String(b.readInt32LE(at)), '"}');
      return;
    }
    case 0x12:
      writeAscii(sink, '{"$numberLong":"');
      writeInt64(sink, b, at);
      writeAscii(sink, '"}');
      return;
    default:
      writeRare(sink, b, type, at, end);
  }
}

function wrap(sink: TextSink, before: string, text: string, after: string): void {
  writeAscii(sink, before);
  writeAscii(sink, text);
  writeAscii(sink, after);
}

function doubleText(value: number): string {
  if (Object.is(value, -0)) return "-0.0";
  return Number.isInteger(value) ? value.toFixed(1) : String(value);
}

function writeBinary(sink: TextSink, b: Buffer, at: number, end: number): void {
  const subType = byteAt(b, at + 4);
  // Subtype 2 stores its length twice.
  const start = at + (subType === OLD_BINARY && end - at >= 9 ? 9 : 5);
  wrap(sink, '{"$binary":{"base64":"', b.toString("base64", start, end), '","subType":"');
  writeHex(sink, b, at + 4, at + 5);
  writeAscii(sink, '"}}');
}

function writeRare(sink: TextSink, b: Buffer, type: number, at: number, end: number): void {
  switch (type) {
    case 0x0b:
      writeRegex(sink, b, at, end);
      return;
    case 0x0c:
      writeAscii(sink, '{"$dbPointer":{"$ref":');
      writeQuoted(sink, b, at + 4, end - 13);
      writeAscii(sink, ',"$id":{"$oid":"');
      writeHex(sink, b, end - 12, end);
      writeAscii(sink, '"}}}');
      return;
    case 0x0d:
    case 0x0e:
      writeAscii(sink, type === 0x0d ? '{"$code":' : '{"$symbol":');
      writeQuoted(sink, b, at + 4, end - 1);
      writeAscii(sink, "}");
      return;
    case 0x0f: {
      const scope = at + 8 + b.readInt32LE(at + 4);
      writeAscii(sink, '{"$code":');
      writeQuoted(sink, b, at + 8, scope - 1);
      writeAscii(sink, ',"$scope":');
      writeDocument(sink, b, scope, false);
      writeAscii(sink, "}");
      return;
    }
    case 0x11:
      wrap(sink, '{"$timestamp":{"t":', String(b.readUInt32LE(at + 4)), ',"i":');
      wrap(sink, String(b.readUInt32LE(at)), "}", "}");
      return;
    case 0x13: {
      const decimal = new BSON.Decimal128(b.subarray(at, end));
      wrap(sink, '{"$numberDecimal":"', decimal.toString(), '"}');
      return;
    }
    default:
      writeAscii(sink, type === 0x7f ? '{"$maxKey":1}' : '{"$minKey":1}');
  }
}

function writeRegex(sink: TextSink, b: Buffer, at: number, end: number): void {
  const middle = b.indexOf(0, at);
  writeAscii(sink, '{"$regularExpression":{"pattern":');
  writeQuoted(sink, b, at, middle);
  writeAscii(sink, ',"options":');
  writeQuoted(sink, b, middle + 1, end - 1);
  writeAscii(sink, "}}");
}
