// Changes beyond noise: false lengths, values of another kind, names that lead elsewhere.
import type { Random } from "../../tests/support/random.ts";

const LENGTHS = [
  0,
  1,
  4,
  5,
  -1,
  -5,
  0x7fffffff,
  -0x80000000,
  0x00ffffff,
  16 * 1024 * 1024,
  1 << 28,
];

/** One to five places changed. */
export function mutateBytes(random: Random, good: Buffer): Buffer {
  let bytes = Buffer.from(good);
  for (let left = 1 + random.below(5); left > 0; left--) {
    const at = random.below(Math.max(1, bytes.length - 3));
    const kind = random.below(8);
    if (kind === 0) bytes[at] = random.below(256);
    else if (kind === 1) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
    else if (kind === 2) bytes = bytes.subarray(0, at);
    else if (kind === 3)
      bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(random.below(at + 1))]);
    else if (kind === 4)
      bytes = Buffer.concat([
        bytes.subarray(0, at),
        random.bytes(random.below(9)),
        bytes.subarray(at),
      ]);
    else if (bytes.length < 4) continue;
    else if (kind === 5) bytes.writeInt32LE(random.pick(LENGTHS), at);
    else bytes.writeInt32LE((bytes.readInt32LE(at) + random.below(9) - 4) | 0, at);
  }
  return bytes;
}

export const HOSTILE_PATHS: readonly string[] = [
  "../outside.bson",
  "surg/../../outside.bson.gz",
  "/etc/passwd",
  "surg/..",
  "..",
  "",
  "surg//patients.bson",
  "surg\\..\\..\\outside.bson",
  "surg/nul\u0000.bson",
  "surg/%2e%2e%2foutside.bson",
  "manifest.json",
  "verification.json",
  "surg",
  "a/b/c.bson",
  "../../../../../../../../dev/zero",
  "/dev/stdin",
  "surg/\u202egnp.bson",
  `${"x".repeat(300)}.bson`,
];

const VALUES: readonly unknown[] = [
  ...[null, true, 0, -1, 1.5, 1e308, 2 ** 53, 2 ** 31, "", "x", [], {}, "0", [null], "__proto__"],
  ...["a".repeat(70), "\u001b[31m", "\ud800", "2026-13-45T99:99:99Z", "1e1000", "surg", "admin"],
  ...["system.users", "$admin.system.users", "local", "../x", "a\u0000b", "view", "timeseries"],
  ...HOSTILE_PATHS,
];

type Json = Record<string, unknown> | unknown[];
const isTree = (value: unknown): value is Json => typeof value === "object" && value !== null;

/** One to three places of a JSON value changed: another kind, another's value, gone, twice, unheard of. */
export function mutateJson(random: Random, value: Json): void {
  for (let left = 1 + random.below(3); left > 0; left--) {
    const [tree, key] = randomPlace(random, value);
    if (key === null) continue;
    const of = tree as Record<string, unknown>;
    const kind = random.below(7);
    if (kind === 0 && Array.isArray(tree)) tree.splice(Number(key), 1);
    else if (kind === 0) Reflect.deleteProperty(tree, key);
    else if (kind === 1 && Array.isArray(tree)) tree.push(structuredClone(tree[Number(key)]));
    else if (kind === 2) of[`${key}_`] = structuredClone(of[key]);
    else if (kind === 3) of[key] = structuredClone(valueOfSameKey(random, value, key) ?? of[key]);
    else if (kind === 4 && typeof of[key] === "number") of[key] = of[key] + random.below(5) - 2;
    else of[key] = structuredClone(random.pick(VALUES));
  }
}

function randomPlace(random: Random, value: Json): [Json, string | null] {
  let tree = value;
  for (;;) {
    const keys = Object.keys(tree);
    if (keys.length === 0) return [tree, null];
    const key = random.pick(keys);
    const next = (tree as Record<string, unknown>)[key];
    // The list of files is long; the collections are where the meaning is.
    if (!isTree(next) || random.below(6) === 0) return [tree, key];
    tree = next;
  }
}

/** What stands under the same key elsewhere: the name, the hash, the files of another collection. */
function valueOfSameKey(random: Random, value: Json, key: string): unknown {
  const found: unknown[] = [];
  const visit = (tree: Json) => {
    for (const [name, inner] of Object.entries(tree)) {
      if (name === key) found.push(inner);
      if (isTree(inner)) visit(inner);
    }
  };
  visit(value);
  return found.length === 0 ? null : random.pick(found);
}
