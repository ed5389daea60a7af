// Small inputs that expand to large ones: they must be refused, or read without being held in memory as a whole.
import { constants, deflateRawSync, gzipSync, zstdCompressSync } from "node:zlib";
import { seekTable } from "../../src/codec/zstd-frames.ts";
import type { Random } from "../../tests/support/random.ts";
import { DB, fixTotals, sealed } from "./subject.ts";
import type { Subject } from "./subject.ts";

const MB = 1 << 20;
const cache = new Map<string, Buffer>();
/** Made once: to make one takes longer than to refuse it. */
const once = (name: string, make: () => Buffer) => {
  const known = cache.get(name) ?? make();
  cache.set(name, known);
  return known;
};

const zeros = (megabytes: number) => Buffer.alloc(megabytes * MB);

/** One member of ours that says it holds `promised` bytes. */
function member(deflated: Buffer, promised: number, total = deflated.length + 28): Buffer {
  const out = Buffer.alloc(deflated.length + 28);
  out.set([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255], 0);
  out.writeUInt16LE(8, 10);
  out.write("MK", 12, "latin1");
  out.writeUInt16LE(4, 14);
  out.writeUInt32LE(total, 16);
  deflated.copy(out, 20);
  out.writeUInt32LE(promised, out.length - 4);
  return out;
}

const deflated = () => once("deflated", () => deflateRawSync(zeros(400), { level: 9 }));
const frame = () =>
  once("frame", () =>
    zstdCompressSync(zeros(400), { params: { [constants.ZSTD_c_contentSizeFlag]: 1 } }),
  );
const stream = () => once("stream", () => gzipSync(zeros(400)));
const framed = (raw: number) =>
  Buffer.concat([frame(), seekTable([{ storedBytes: frame().length, rawBytes: raw }])]);

type Bomb = (subject: Subject) => string | null;

const data =
  (bytes: () => Buffer, ending: string): Bomb =>
  (subject) => {
    const path = `${DB}/patients.bson${ending}`;
    if (!subject.files.has(path)) return null;
    subject.files.set(path, bytes());
    fixTotals(subject);
    return path;
  };

const manifest =
  (text: () => Buffer): Bomb =>
  ({ files }) => {
    files.set("manifest.json", text());
    return "manifest.json";
  };

const metadata =
  (text: () => Buffer): Bomb =>
  (subject) => {
    const packed = subject.algorithm === "gzip";
    const path = `${DB}/patients.metadata.json${packed ? ".gz" : ""}`;
    subject.files.set(path, packed ? gzipSync(text()) : text());
    fixTotals(subject);
    return path;
  };

const deep = (open: string, close: string, depth: number) => () =>
  Buffer.from(open.repeat(depth) + close.repeat(depth));

const BOMBS: Readonly<Record<string, Bomb>> = {
  "a member that holds 400 MB and promises 1 KB": data(() => member(deflated(), 1024), ".gz"),
  "a member that promises 40 MB": data(() => member(deflated(), 40 * MB), ".gz"),
  "a member that promises 4 GB": data(() => member(deflated(), 0xffffffff), ".gz"),
  "a member longer than the file": data(() => member(deflated(), 9, 0x7fffffff), ".gz"),
  "a plain gzip of 400 MB": data(stream, ".gz"),
  "four thousand empty members": data(
    () =>
      once("thousand", () =>
        Buffer.concat(
          Array.from({ length: 4_000 }, () => member(deflateRawSync(Buffer.alloc(0)), 0)),
        ),
      ),
    ".gz",
  ),
  "a frame that holds 400 MB and is said to hold 1 KB": data(() => framed(1024), ".zst"),
  "a frame that is said to hold 40 MB": data(() => framed(40 * MB), ".zst"),
  "a frame that is said to hold 4 GB": data(() => framed(0xffffffff), ".zst"),
  "a plain zstd of 400 MB": data(frame, ".zst"),
  "a table of two million empty frames": data(
    () =>
      once("table", () =>
        seekTable(Array.from({ length: 2_000_000 }, () => ({ storedBytes: 0, rawBytes: 40 * MB }))),
      ),
    ".zst",
  ),
  "a document of 2 GB in 100 MB of zeros": data(
    () =>
      once("plain", () => {
        const all = zeros(100);
        all.writeInt32LE(0x7fffffff, 0);
        return all;
      }),
    "",
  ),
  "a manifest of a million brackets": manifest(deep("[", "]", 1_000_000)),
  "a manifest of a million objects": manifest(deep('{"a":', "}", 200_000)),
  "a manifest of 10 MB of one note": manifest(() =>
    once("name", () => sealed({ schema: 1, note: "x".repeat(10 * MB) })),
  ),
  "metadata of a million brackets": metadata(deep("[", "]", 1_000_000)),
  "metadata of deep objects": metadata(deep('{"a":', "}", 100_000)),
  "metadata of 60 MB of blanks": metadata(() => once("blanks", () => Buffer.alloc(60 * MB, " "))),
  "metadata of many indexes": metadata(() =>
    once("indexes", () =>
      Buffer.from(
        `{"options":{},"indexes":[${Array.from({ length: 100_000 }, () => '{"v":2,"key":{"a":1},"name":"a"}').join(",")}],"collectionName":"patients","type":"collection"}`,
      ),
    ),
  ),
};

const NAMES = Object.keys(BOMBS);

/** One that the subject's files can hold. */
export function makeBomb(subject: Subject, random: Random): Promise<{ what: string | null }> {
  for (;;) {
    const name = random.pick(NAMES);
    const where = BOMBS[name]?.(subject) ?? null;
    if (where !== null) return Promise.resolve({ what: `${name}: ${where}` });
  }
}
