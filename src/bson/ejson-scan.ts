// A reader for canonical Extended JSON and the BSON that it becomes, bytes to bytes. Its input may come from a
// stranger: nothing is read beyond `end`, no length is trusted, and no document grows beyond the server's limit.
import { byteAt } from "./byte-at.ts";
import { LONGEST_DOCUMENT } from "./validate.ts";

export interface Scan {
  readonly text: Buffer;
  at: number;
  /** End of the text. */
  end: number;
  out: Buffer;
  /** Bytes written to `out` so far. */
  written: number;
  /** Where the document of this line starts in `out`. */
  lineStart: number;
}

/** What is wrong with a line, worded to follow "document 7". */
export class LineError extends Error {
  /** Counted from 0 within the lines read together. */
  line = 0;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** Makes room for this many more bytes of BSON. @throws LineError for a document that no server accepts */
export function makeOut(scan: Scan, more: number): void {
  const needed = scan.written + more;
  if (needed - scan.lineStart > LONGEST_DOCUMENT) throw new LineError("is longer than 16 MB");
  if (needed <= scan.out.length) return;
  const grown = Buffer.allocUnsafe(Math.max(needed, scan.out.length * 2));
  scan.out.copy(grown, 0, 0, scan.written);
  scan.out = grown;
}

export function putByte(scan: Scan, byte: number): void {
  makeOut(scan, 1);
  scan.out[scan.written++] = byte;
}

export function putInt32(scan: Scan, value: number): void {
  makeOut(scan, 4);
  scan.written = scan.out.writeInt32LE(value, scan.written);
}

/** Leaves room for a length; `closeLength` fills it in afterwards. */
export function openLength(scan: Scan): number {
  makeOut(scan, 4);
  const at = scan.written;
  scan.written += 4;
  return at;
}

export function peek(scan: Scan): number {
  return scan.at < scan.end ? byteAt(scan.text, scan.at) : 0;
}

/** Skips the text if it is next. For a few ASCII characters. */
export function skipText(scan: Scan, wanted: string): boolean {
  const { text, at } = scan;
  if (at + wanted.length > scan.end) return false;
  for (let i = 0; i < wanted.length; i++) if (text[at + i] !== wanted.charCodeAt(i)) return false;
  scan.at = at + wanted.length;
  return true;
}

/** @throws LineError */
export function expectText(scan: Scan, wanted: string): void {
  if (!skipText(scan, wanted)) throw new LineError("is not canonical Extended JSON");
}

/**
 * Copies the JSON string that starts here into `out` as UTF-8. `noNull`: for text that BSON ends with a zero byte.
 * @throws LineError
 */
export function putString(scan: Scan, noNull: boolean): void {
  const { text, end } = scan;
  expectText(scan, '"');
  const start = scan.at;
  let at = start;
  // Text without escapes, which is almost all text, is copied in one step.
  for (; at < end; at++) {
    const byte = byteAt(text, at);
    if (byte === QUOTE || byte === BACKSLASH || byte < 0x20) break;
  }
  makeOut(scan, at - start);
  copy(scan, start, at);
  scan.at = at;
  while (peek(scan) !== QUOTE) {
    const byte = peek(scan);
    if (byte === BACKSLASH) putEscape(scan, noNull);
    else if (byte < 0x20) throw new LineError("holds a text without an end");
    else {
      putByte(scan, byte);
      scan.at++;
    }
  }
  scan.at++;
}

const BY_HAND = 40;

function copy(scan: Scan, start: number, end: number): void {
  const { text, out } = scan;
  if (end - start > BY_HAND) text.copy(out, scan.written, start, end);
  else for (let i = start, to = scan.written; i < end; i++) out[to++] = byteAt(text, i);
  scan.written += end - start;
}

const PLAIN_ESCAPES = new Map([0x22, 0x5c, 0x2f].map((code) => [code, code]));
for (const [letter, code] of [
  ["b", 8],
  ["t", 9],
  ["n", 10],
  ["f", 12],
  ["r", 13],
] as const)
  PLAIN_ESCAPES.set(letter.charCodeAt(0), code);

function putEscape(scan: Scan, noNull: boolean): void {
  scan.at++;
  const plain = PLAIN_ESCAPES.get(peek(scan));
  if (plain !== undefined) {
    scan.at++;
    putByte(scan, plain);
    return;
  }
  let code = hexEscape(scan);
  if (code >= 0xd800 && code < 0xdc00) {
    expectText(scan, "\\");
    const low = hexEscape(scan);
    if (low < 0xdc00 || low > 0xdfff) throw new LineError("holds half a character");
    code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
  } else if (code >= 0xdc00 && code < 0xe000) throw new LineError("holds half a character");
  if (code === 0 && noNull) throw new LineError("holds a null character where none can be");
  putCodePoint(scan, code);
}

function hexEscape(scan: Scan): number {
  expectText(scan, "u");
  let code = 0;
  for (let i = 0; i < 4; i++, scan.at++) code = code * 16 + hexDigit(peek(scan));
  return code;
}

/** @throws LineError */
export function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  if (letter >= 0x61 && letter <= 0x66) return letter - 0x61 + 10;
  throw new LineError("holds something else where hex digits must be");
}

function putCodePoint(scan: Scan, code: number): void {
  makeOut(scan, 4);
  const { out } = scan;
  if (code < 0x80) out[scan.written++] = code;
  else if (code < 0x800) {
    out[scan.written++] = 0xc0 | (code >> 6);
    out[scan.written++] = 0x80 | (code & 63);
  } else {
    if (code < 0x10000) out[scan.written++] = 0xe0 | (code >> 12);
    else {
      out[scan.written++] = 0xf0 | (code >> 18);
      out[scan.written++] = 0x80 | ((code >> 12) & 63);
    }
    out[scan.written++] = 0x80 | ((code >> 6) & 63);
    out[scan.written++] = 0x80 | (code & 63);
  }
}

/** The plain characters of a quoted number or similar, without the quotes. @throws LineError */
export function readQuoted(scan: Scan, longest: number): string {
  expectText(scan, '"');
  const start = scan.at;
  while (scan.at < scan.end && scan.text[scan.at] !== QUOTE) scan.at++;
  if (scan.at - start > longest) throw new LineError("holds a number that is too long");
  const text = scan.text.toString("latin1", start, scan.at);
  expectText(scan, '"');
  return text;
}
