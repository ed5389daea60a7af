// CRC-64 of ECMA-182, reflected, as Go's hash/crc64 and xz compute it: mongodump closes each collection of an
// archive with it. Eight bytes a step over tables of 32-bit halves: BigInt would be a hundred times slower.
// https://reveng.sourceforge.io/crc-catalogue/17plus.htm#crc.cat.crc-64-xz

import { byteAt } from "../bson/byte-at.ts";

const POLYNOMIAL_LOW = 0xd7870f42 | 0;
const POLYNOMIAL_HIGH = 0xc96c5795 | 0;
const STEP = 8;
const BYTE = 256;

export interface Crc64 {
  add(bytes: Buffer): void;
  /** Of all bytes so far, as the signed 64-bit number that BSON has. */
  value(): bigint;
}

/** Row `k` has what a byte does to the sum once `k` more bytes have followed it. */
const LOW = new Int32Array(STEP * BYTE);
const HIGH = new Int32Array(STEP * BYTE);
fillTables();

function fillTables(): void {
  for (let byte = 0; byte < BYTE; byte++) {
    let low = byte;
    let high = 0;
    for (let bit = 0; bit < 8; bit++) {
      const carry = low & 1;
      low = (low >>> 1) | (high << 31);
      high >>>= 1;
      if (carry === 0) continue;
      low ^= POLYNOMIAL_LOW;
      high ^= POLYNOMIAL_HIGH;
    }
    LOW[byte] = low;
    HIGH[byte] = high;
  }
  for (let at = BYTE; at < STEP * BYTE; at++) {
    const low = entry(LOW, at - BYTE);
    const high = entry(HIGH, at - BYTE);
    const next = low & 0xff;
    LOW[at] = ((low >>> 8) | (high << 24)) ^ entry(LOW, next);
    HIGH[at] = (high >>> 8) ^ entry(HIGH, next);
  }
}

export function createCrc64(): Crc64 {
  let low = -1;
  let high = -1;
  return {
    add(bytes) {
      let at = 0;
      // Written out: through a function for each half it takes three times as long.
      for (; at + STEP <= bytes.length; at += STEP) {
        const a = 1792 + ((low ^ byteAt(bytes, at)) & 0xff);
        const b = 1536 + (((low >>> 8) ^ byteAt(bytes, at + 1)) & 0xff);
        const c = 1280 + (((low >>> 16) ^ byteAt(bytes, at + 2)) & 0xff);
        const d = 1024 + ((low >>> 24) ^ byteAt(bytes, at + 3));
        const e = 768 + ((high ^ byteAt(bytes, at + 4)) & 0xff);
        const f = 512 + (((high >>> 8) ^ byteAt(bytes, at + 5)) & 0xff);
        const g = 256 + (((high >>> 16) ^ byteAt(bytes, at + 6)) & 0xff);
        const h = (high >>> 24) ^ byteAt(bytes, at + 7);
        low = xor(LOW, a, b, c, d) ^ xor(LOW, e, f, g, h);
        high = xor(HIGH, a, b, c, d) ^ xor(HIGH, e, f, g, h);
      }
      for (; at < bytes.length; at++) {
        const row = (low ^ byteAt(bytes, at)) & 0xff;
        low = ((low >>> 8) | (high << 24)) ^ entry(LOW, row);
        high = (high >>> 8) ^ entry(HIGH, row);
      }
    },
    value: () => (BigInt(~high) << 32n) | BigInt(~low >>> 0),
  };
}

/** Rows are whole: nothing is read beyond them. */
function entry(rows: Int32Array, at: number): number {
  return rows[at] ?? 0;
}

function xor(rows: Int32Array, a: number, b: number, c: number, d: number): number {
  return entry(rows, a) ^ entry(rows, b) ^ entry(rows, c) ^ entry(rows, d);
}
