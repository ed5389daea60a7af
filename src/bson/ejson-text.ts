// The text of canonical Extended JSON while it is written: bytes in a growing buffer, never a string, because a backup
// writes hundreds of megabytes. What must stay true: no text contains a line break of any kind (including U+2028,
// U+2029 and U+0085), so that every line reader finds one document per line.
import { byteAt } from "./byte-at.ts";

/** `bytes` is filled up to `length`. */
export interface TextSink {
  bytes: Buffer;
  length: number;
}

export const createSink = (capacity: number): TextSink => ({
  bytes: Buffer.allocUnsafe(capacity),
  length: 0,
});

/** Makes room for this many more bytes. */
export function makeRoom(sink: TextSink, more: number): void {
  const needed = sink.length + more;
  if (needed <= sink.bytes.length) return;
  const grown = Buffer.allocUnsafe(Math.max(needed, sink.bytes.length * 2));
  sink.bytes.copy(grown, 0, 0, sink.length);
  sink.bytes = grown;
}

/** The runtime copies longer texts faster, a loop copies shorter ones faster. */
const BY_HAND = 48;

/** Text of ASCII characters that need no escapes. */
export function writeAscii(sink: TextSink, text: string): void {
  makeRoom(sink, text.length);
  const { bytes, length } = sink;
  if (text.length > BY_HAND) bytes.write(text, length, "latin1");
  else for (let i = 0; i < text.length; i++) bytes[length + i] = text.charCodeAt(i);
  sink.length = length + text.length;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** The character after the backslash in the short escapes; 0 if there is none. */
const SHORT = new Uint8Array(32);
for (const [code, letter] of [
  [8, "b"],
  [9, "t"],
  [10, "n"],
  [12, "f"],
  [13, "r"],
] as const)
  SHORT[code] = letter.charCodeAt(0);
const MOST_FOR_A_BYTE = 6;

/** The UTF-8 bytes of `b` from `at` to `end` as a JSON string, quotes included. */
export function writeQuoted(sink: TextSink, b: Buffer, at: number, end: number): void {
  makeRoom(sink, (end - at) * MOST_FOR_A_BYTE + 2);
  const out = sink.bytes;
  let to = sink.length;
  out[to++] = QUOTE;
  for (let i = at; i < end; i++) {
    // Not byteAt, which is 10 % slower here. No index is beyond the end; `??` only satisfies the compiler.
    /* node:coverage ignore next */
    const byte = b[i] ?? 0;
    if (byte < 0x20) {
      const short = byteAt(SHORT, byte);
      if (short !== 0) {
        out[to++] = BACKSLASH;
        out[to++] = short;
      } else to = writeEscape(out, to, byte);
    } else if (byte === QUOTE || byte === BACKSLASH) {
      out[to++] = BACKSLASH;
      out[to++] = byte;
    } else if (byte === 0xe2 && b[i + 1] === 0x80 && (byteAt(b, i + 2) & 0xfe) === 0xa8) {
      to = writeEscape(out, to, 0x2000 | (byteAt(b, i + 2) & 0x3f));
      i += 2;
    } else if (byte === 0xc2 && b[i + 1] === 0x85) {
      to = writeEscape(out, to, 0x85);
      i++;
    } else out[to++] = byte;
  }
  out[to++] = QUOTE;
  sink.length = to;
}

/** For a number below 16. */
const hexDigit = (n: number): number => (n < 10 ? 0x30 + n : 0x57 + n);

function writeEscape(out: Buffer, at: number, code: number): number {
  out[at] = BACKSLASH;
  out[at + 1] = 0x75;
  out[at + 2] = hexDigit(code >> 12);
  out[at + 3] = hexDigit((code >> 8) & 15);
  out[at + 4] = hexDigit((code >> 4) & 15);
  out[at + 5] = hexDigit(code & 15);
  return at + 6;
}

export function writeHex(sink: TextSink, b: Buffer, at: number, end: number): void {
  makeRoom(sink, (end - at) * 2);
  const out = sink.bytes;
  let to = sink.length;
  for (let i = at; i < end; i++) {
    const byte = byteAt(b, i);
    out[to++] = hexDigit(byte >> 4);
    out[to++] = hexDigit(byte & 15);
  }
  sink.length = to;
}

/** A signed 64-bit number. */
export function writeInt64(sink: TextSink, b: Buffer, at: number): void {
  const high = b.readInt32LE(at + 4);
  // Numbers hold 53 bits and are many times faster than bigints.
  const fits = high >= -0x20_0000 && high < 0x20_0000;
  const value = fits ? high * 0x1_0000_0000 + b.readUInt32LE(at) : b.readBigInt64LE(at);
  writeAscii(sink, String(value));
}
