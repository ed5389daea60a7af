// A seeded generator (xoshiro128**), for data that are the same on every machine and do not repeat.
// Math.random cannot be seeded, and weak generators flatter compressors.

export interface Random {
  /** 0 ≤ x < 1, 32 bits. */
  unit(): number;
  /** An integer 0 ≤ x < limit. */
  below(limit: number): number;
  pick<T>(from: readonly T[]): T;
  bytes(length: number): Buffer;
}

/** The same numbers for the same seed. */
export function createRandom(seed: number): Random {
  const next = xoshiro(seed);
  const unit = () => next() / 2 ** 32;
  const below = (limit: number) => Math.floor(unit() * limit);
  return {
    unit,
    below,
    pick: (from) => from[below(from.length)] as (typeof from)[number],
    bytes: (length) => {
      const buffer = Buffer.allocUnsafe(length);
      let at = 0;
      for (; at + 4 <= length; at += 4) buffer.writeUInt32LE(next(), at);
      for (; at < length; at++) buffer[at] = next() & 0xff;
      return buffer;
    },
  };
}

function xoshiro(seed: number): () => number {
  const seeds = splitmix(seed);
  let [a, b, c, d] = [seeds(), seeds(), seeds(), seeds()];
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
}

/** Spreads a small seed over the whole state, as xoshiro's authors advise. */
function splitmix(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return mixed ^ (mixed >>> 16);
  };
}

function rotate(x: number, by: number): number {
  return (x << by) | (x >>> (32 - by));
}
