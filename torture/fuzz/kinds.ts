// The kinds of changes that the fuzzer makes to a good backup, each as often as its weight says.
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { formatVerification } from "../../src/archive/verification.ts";
import { SMALL_ID } from "../../tests/support/small-backup.ts";
import {
  archiveOf,
  block,
  end,
  entry,
  goodArchive,
  patients,
} from "../../tests/support/mongodump-archive.ts";
import type { Random } from "../../tests/support/random.ts";
import { makeBomb } from "./bombs.ts";
import { HOSTILE_PATHS, mutateBytes, mutateJson } from "./mutate.ts";
import {
  countDocuments,
  DB,
  encodeChunks,
  encodeText,
  fixTotals,
  hashOf,
  metadataText,
  NAMES,
  sealed,
} from "./subject.ts";
import type { Lair, Subject } from "./subject.ts";

export interface Made {
  /** null: nothing was changed. */
  readonly what: string | null;
  /** Where the folder is not just the subject's files and its manifest, sealed. */
  readonly files?: ReadonlyMap<string, Buffer>;
  /** What is read, where it is not the backup. */
  readonly path?: string;
  readonly namespace?: string;
}

export interface FuzzKind {
  readonly name: string;
  readonly weight: number;
  /** It has a manifest that says what it is; stock dumps promise nothing. */
  readonly promises: boolean;
  /** No way to make it is what it says. */
  readonly isDamage?: boolean;
  make(subject: Subject, random: Random, lair: Lair): Promise<Made>;
}

export const FIRST: FuzzKind = {
  name: "documents",
  weight: 30,
  promises: true,
  make: makeDocuments,
};

export const KINDS: readonly FuzzKind[] = [
  FIRST,
  { name: "container", weight: 20, promises: true, make: makeContainer },
  { name: "manifest", weight: 25, promises: true, make: makeManifest },
  { name: "manifest's text", weight: 3, promises: true, isDamage: true, make: makeManifestText },
  { name: "metadata", weight: 12, promises: true, make: makeMetadata },
  { name: "report", weight: 2, promises: true, make: makeReport },
  { name: "stock dump", weight: 4, promises: false, make: makeStock },
  { name: "archive", weight: 4, promises: false, make: makeArchive },
  {
    name: "bomb",
    weight: 0.4,
    promises: false,
    make: (subject, random) => makeBomb(subject, random),
  },
];

async function makeDocuments(subject: Subject, random: Random): Promise<Made> {
  const { algorithm, body, files, raw } = subject;
  const one = random.pick(body.collections);
  const path = one.files[0] ?? "";
  const chunks = [...(raw.get(path) ?? [])];
  const at = random.below(chunks.length);
  const before = chunks[at] ?? Buffer.alloc(0);
  const after = random.below(4) === 0 ? nested(random) : mutateBytes(random, before);
  if (after.equals(before)) return { what: null };
  chunks[at] = after;
  raw.set(path, chunks);
  files.set(path, await encodeChunks(algorithm, chunks));
  const claim = random.below(3);
  const whole = Buffer.concat(chunks);
  if (claim > 0) {
    one.documents = chunks.reduce((sum, chunk) => sum + countDocuments(chunk), 0);
    one.rawBytes = whole.length;
    one.contentHash = claim === 1 ? await hashOf(whole) : null;
  }
  fixTotals(subject);
  return {
    what: `${one.name}, chunk ${at}, ${["old claims", "new claims", "no hash"][claim] ?? ""}: ${after.toString("hex").slice(0, 400)}`,
  };
}

/** A document of so many documents, the innermost of which may lie. */
function nested(random: Random): Buffer {
  const depth = random.pick([150, 199, 200, 249, 250, 251, 1_000, 30_000]);
  let inner = Buffer.from([5, 0, 0, 0, 0]);
  if (random.below(3) === 0) inner = Buffer.from([random.below(256), 0, 0, 0, 0]);
  const bytes = Buffer.alloc(inner.length + depth * 8);
  inner.copy(bytes, depth * 7);
  for (let level = 0; level < depth; level++) {
    bytes.writeInt32LE(bytes.length - level * 8, level * 7);
    bytes.write("\u0003d\0", level * 7 + 4, "latin1");
  }
  return bytes;
}

async function makeContainer(subject: Subject, random: Random): Promise<Made> {
  const { files, body } = subject;
  const { files: own } = random.pick(body.collections);
  const path = own[0] ?? "";
  const before = files.get(path) ?? Buffer.alloc(0);
  const after = mutateBytes(random, before);
  if (after.equals(before)) return { what: null };
  files.set(path, after);
  if (subject.algorithm === "none") subject.raw.set(path, [after]);
  fixTotals(subject);
  return await Promise.resolve({ what: `${path}: ${after.toString("hex").slice(0, 600)}` });
}

function makeManifest(subject: Subject, random: Random): Promise<Made> {
  const before = JSON.stringify(subject.body);
  mutateJson(random, subject.body);
  if (random.below(2) === 0) {
    try {
      fixTotals(subject);
    } catch {
      // Of a shape that has no totals.
    }
  }
  const after = JSON.stringify(subject.body);
  if (after === before) return Promise.resolve({ what: null });
  const files = new Map([...subject.files, ["manifest.json", sealed(subject.body)]]);
  return Promise.resolve({ what: after, files });
}

function makeManifestText(subject: Subject, random: Random): Promise<Made> {
  const good = sealed(subject.body);
  const bytes = mutateBytes(random, good);
  if (bytes.equals(good)) return Promise.resolve({ what: null });
  const what = bytes.toString("latin1");
  return Promise.resolve({ what, files: new Map([...subject.files, ["manifest.json", bytes]]) });
}

async function makeMetadata(subject: Subject, random: Random): Promise<Made> {
  const { algorithm, files } = subject;
  const name = random.pick(NAMES);
  const good = metadataText(name);
  let text: string | Buffer = good;
  if (random.below(2) === 0) text = mutateBytes(random, Buffer.from(good));
  else {
    const value = JSON.parse(good) as Record<string, unknown>;
    mutateJson(random, value);
    text = JSON.stringify(value);
  }
  if (Buffer.from(text).equals(Buffer.from(good))) return { what: null };
  const path = `${DB}/${name}.metadata.json${algorithm === "gzip" ? ".gz" : ""}`;
  const bytes =
    typeof text === "string"
      ? await encodeText(algorithm, text)
      : algorithm === "gzip"
        ? gzipSync(text)
        : text;
  files.set(path, bytes);
  fixTotals(subject);
  return { what: text.toString("latin1") };
}

function makeReport(subject: Subject, random: Random): Promise<Made> {
  const good = Buffer.from(
    formatVerification({
      ...{ schema: 1, id: SMALL_ID, ok: true, level: "full", problems: [], collections: [] },
      ...{ verifiedAt: "2026-11-23T02:00:00.000Z", seconds: 1 },
    }),
  );
  const bytes = mutateBytes(random, good);
  const files = new Map([
    ...subject.files,
    ["manifest.json", sealed(subject.body)],
    ["verification.json", bytes],
  ]);
  return Promise.resolve({ what: bytes.toString("latin1"), files });
}

const STEMS = [
  ...["..%2f..%2foutside", "%2e%2e", "%00", "%", "a%ZZ", "$admin.system.users", "oplog", "..."],
  ...[
    "system.buckets.x",
    "system.users",
    `${"x".repeat(208)}%24${"A".repeat(27)}`,
    "+",
    "new\nline",
  ],
];

async function makeStock(subject: Subject, random: Random, lair: Lair): Promise<Made> {
  const folder = join(lair.base, "foreign");
  await rm(folder, { recursive: true, force: true });
  const put = async (name: string, bytes: Buffer) => {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), bytes);
  };
  const stem = random.pick(STEMS);
  const database = random.pick([DB, "admin", "a b", "a.b", "$x", "%2e%2e", "..."]);
  const value = JSON.parse(metadataText(random.pick([...HOSTILE_PATHS, "patients"]))) as Record<
    string,
    unknown
  >;
  if (random.below(2) === 0) mutateJson(random, value);
  const raw = Buffer.concat([...(subject.raw.values().next().value ?? [])]);
  const data = random.below(2) === 0 ? mutateBytes(random, raw) : raw;
  const [suffix, pack] = random.pick(PACKED);
  await put(`${database}/${stem}.bson${suffix}`, pack(data));
  if (random.below(4) > 0)
    await put(`${database}/${stem}.metadata.json`, Buffer.from(JSON.stringify(value)));
  if (random.below(4) === 0) await put("oplog.bson", mutateBytes(random, raw));
  const what = JSON.stringify({
    database,
    stem,
    suffix,
    value,
    data: data.toString("hex").slice(0, 300),
  });
  return {
    what,
    path: folder,
    files: new Map(),
    namespace: `${database}.${String(value.collectionName)}`,
  };
}

const PACKED: readonly (readonly [string, (bytes: Buffer) => Buffer])[] = [
  ["", (bytes) => bytes],
  [".gz", (bytes) => gzipSync(bytes)],
  [".zst", (bytes) => zstdCompressSync(bytes)],
];

async function makeArchive(_: Subject, random: Random, lair: Lair): Promise<Made> {
  const path = join(lair.base, "foreign.archive");
  const bytes = random.below(2) === 0 ? mutateBytes(random, goodArchive()) : hostileArchive(random);
  await writeFile(path, random.below(3) === 0 ? gzipSync(bytes) : bytes);
  return { what: bytes.toString("hex").slice(0, 800), path, files: new Map() };
}

/** Its checksums fit; its names do not. */
function hostileArchive(random: Random): Buffer {
  const name = random.pick([...HOSTILE_PATHS, ...STEMS]);
  const database = random.pick([DB, "..", "a/b", "../..", "", "a b", "admin", name.slice(0, 60)]);
  const documents = patients(1 + random.below(3));
  const value: Record<string, unknown> = {
    options: {},
    indexes: [],
    collectionName: name,
    type: "collection",
  };
  if (random.below(2) === 0) mutateJson(random, value);
  try {
    return archiveOf(
      [entry(database, name, random.pick(["collection", "view", "x"]), JSON.stringify(value))],
      [block(database, name, documents), end(database, name, documents)],
    );
  } catch {
    // No BSON can hold this name.
    return mutateBytes(random, goodArchive());
  }
}
