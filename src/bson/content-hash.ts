// An order-independent hash of documents: two 64-bit lanes of seeded xxHash64, each summed over all documents modulo
// 2^64. Equal content gives equal sums in any order. It detects faults, not tampering (the SHA-256 of each file detects
// that). xxHash64: https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
import xxhash from "xxhash-wasm";

export interface ContentHash {
  /** Adds whole documents, back to back, whose lengths were checked. */
  add(documents: Buffer): void;
  /** 32 hex digits. */
  digest(): string;
}

const SEED_A = 0x6d6f6e676f6b6565n;
const SEED_B = 0x70636f6e74656e74n;
const LANE = 64;

/** The two lanes of one piece of bytes, each an unsigned 64-bit number. */
export interface Lanes {
  a(bytes: Uint8Array): bigint;
  b(bytes: Uint8Array): bigint;
}

/** For code that needs the hash of each document, not only the sum. */
export async function createLanes(): Promise<Lanes> {
  const hasher = await loadHasher();
  return {
    a: (bytes) => hasher.h64Raw(bytes, SEED_A),
    b: (bytes) => hasher.h64Raw(bytes, SEED_B),
  };
}

/** The result of `digest` for documents whose lanes add up to these. */
export function digestOf(a: bigint, b: bigint): string {
  return hex(BigInt.asUintN(LANE, a)) + hex(BigInt.asUintN(LANE, b));
}

/** `whole` without the documents of `part`. */
export function hashWithout(whole: string, part: string): string {
  const lane = (text: string, n: number) => BigInt(`0x${text.slice(16 * n, 16 * (n + 1))}`);
  return digestOf(lane(whole, 0) - lane(part, 0), lane(whole, 1) - lane(part, 1));
}

export async function createContentHash(): Promise<ContentHash> {
  const hasher = await loadHasher();
  let a = 0n;
  let b = 0n;
  return {
    add(documents) {
      for (let at = 0; at < documents.length;) {
        const end = at + documents.readInt32LE(at);
        const document = documents.subarray(at, end);
        a += hasher.h64Raw(document, SEED_A);
        b += hasher.h64Raw(document, SEED_B);
        at = end;
      }
      a = BigInt.asUintN(LANE, a);
      b = BigInt.asUintN(LANE, b);
    },
    digest: () => digestOf(a, b),
  };
}

const hex = (lane: bigint) => lane.toString(16).padStart(16, "0");

let loading: ReturnType<typeof xxhash> | undefined;
function loadHasher() {
  loading ??= xxhash();
  return loading;
}
