// The sum against the published check value, and against the definition of it, bit by bit.
import assert from "node:assert/strict";
import { test } from "node:test";
import { createRandom } from "../../tests/support/random.ts";
import { createCrc64 } from "./crc64.ts";

const POLYNOMIAL = 0xc96c5795d7870f42n;

function bitByBit(bytes: Buffer): bigint {
  let sum = 0xffffffffffffffffn;
  for (const byte of bytes) {
    sum ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++)
      sum = (sum & 1n) === 1n ? (sum >> 1n) ^ POLYNOMIAL : sum >> 1n;
  }
  return BigInt.asIntN(64, ~sum);
}

function sumOf(...pieces: Buffer[]): bigint {
  const crc = createCrc64();
  for (const piece of pieces) crc.add(piece);
  return crc.value();
}

test("the sum of 123456789 is the one in the catalogue of CRCs", () => {
  assert.equal(BigInt.asUintN(64, sumOf(Buffer.from("123456789"))), 0x995dc9bbdf1939fan);
});

test("no bytes sum up to nothing", () => {
  assert.equal(sumOf(), 0n);
});

test("bytes of any length, in pieces cut anywhere, have one sum", () => {
  const random = createRandom(64);
  for (let length = 0; length < 70; length++) {
    const bytes = random.bytes(length);
    const at = random.below(length + 1);
    const expected = bitByBit(bytes);
    assert.equal(sumOf(bytes), expected);
    assert.equal(sumOf(bytes.subarray(0, at), bytes.subarray(at)), expected);
  }
});
