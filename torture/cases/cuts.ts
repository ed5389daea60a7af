// Files cut at every length, deleted, doubled, exchanged, and chunks moved within them: always found.
import { strict as assert } from "node:assert";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "../../tests/support/random.ts";
import { ALGORITHMS, createDamageJudge, createSpecimen, DERIVED } from "../runner/specimen.ts";
import type { Specimen } from "../runner/specimen.ts";
import type { TortureCase } from "../runner/case.ts";

const QUICK = 1_200;
const RESTORE_EACH = 50;

/** Does damage to one or two files; says what it did. null: it would change nothing. */
type Damage = (specimen: Specimen, file: string, random: Random) => Promise<string | null>;

const OTHERS: Readonly<Record<string, Damage>> = {
  deleted: async ({ path }, file) => {
    await rm(join(path, file));
    return "deleted";
  },
  doubled: async ({ files, write }, file) => {
    const bytes = files.get(file) ?? Buffer.alloc(0);
    await write(file, Buffer.concat([bytes, bytes]));
    return "written twice";
  },
  copied: async ({ path, files }, file) => {
    await writeFile(join(path, `${file}.copy`), files.get(file) ?? "");
    return "copied beside itself";
  },
  exchanged: async ({ files, write }, file, random) => {
    const other = random.pick([...files.keys()]);
    const [a, b] = [files.get(file), files.get(other)];
    assert.ok(a && b);
    if (a.equals(b) || other === DERIVED) return null;
    await write(file, b);
    await write(other, a);
    return `exchanged with ${other}`;
  },
  "a part doubled": async ({ files, write }, file, random) => {
    const bytes = files.get(file) ?? Buffer.alloc(0);
    const [from, to] = part(bytes, random);
    await write(file, Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)]));
    return `bytes ${from} to ${to} doubled`;
  },
  "a part taken out": async ({ files, write }, file, random) => {
    const bytes = files.get(file) ?? Buffer.alloc(0);
    const [from, to] = part(bytes, random);
    await write(file, Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]));
    return `bytes ${from} to ${to} taken out`;
  },
  "zeros in the place of a part": async ({ files, write }, file, random) => {
    const bytes = Buffer.from(files.get(file) ?? []);
    const [from, to] = part(bytes, random);
    if (bytes.subarray(from, to).every((byte) => byte === 0)) return null;
    await write(file, bytes.fill(0, from, to));
    return `bytes ${from} to ${to} zeroed`;
  },
  "more behind its end": async ({ files, write }, file, random) => {
    const bytes = files.get(file) ?? Buffer.alloc(0);
    await write(file, Buffer.concat([bytes, random.bytes(1 + random.below(40))]));
    return "with more behind its end";
  },
};

/** At least one byte. */
function part(bytes: Buffer, random: Random): [number, number] {
  const from = random.below(bytes.length);
  return [from, from + 1 + random.below(bytes.length - from)];
}

export const cuts: TortureCase = {
  name: "cuts",
  fault: "files cut at every length, deleted, doubled, exchanged; parts moved, zeroed, taken out",
  holds: "100 % found, nothing written to any server",
  trials: { full: 0, quick: QUICK },
  async prepare(ground) {
    const specimens: Specimen[] = [];
    for (const algorithm of ALGORITHMS) specimens.push(await createSpecimen(ground, algorithm));
    const judge = await createDamageJudge(ground);
    const lengths = specimens.flatMap((specimen) =>
      [...specimen.files].flatMap(([file, bytes]) =>
        Array.from(bytes, (_, length) => ({ specimen, file, length })),
      ),
    );
    return {
      // Half of them are cuts, each length once; the other half is of the other kinds, at random.
      trials: ground.quick ? QUICK : lengths.length * 2,
      async run({ number, of, random }) {
        const cut =
          lengths[Math.floor((((number >> 1) + random.unit()) * lengths.length * 2) / of)];
        if (!cut) throw new Error("no such length");
        const { specimen, file } = cut;
        const kind = number % 2 === 0 ? "cut" : random.pick(Object.keys(OTHERS));
        try {
          const did =
            kind === "cut"
              ? await cutTo(specimen, file, cut.length)
              : await OTHERS[kind]?.(specimen, file, random);
          const what = `${specimen.algorithm}: ${file} ${String(did)}`;
          if (did == null) return "nothing to change";
          // Without its report a backup is as good, and unverified.
          if (file === DERIVED && kind !== "exchanged" && kind !== "copied")
            await judge.notBelieved(specimen, what);
          else await judge.found(specimen, what, number % RESTORE_EACH === 0);
          return `${kind}: ${file === DERIVED ? "report not believed" : "found"}`;
        } finally {
          await specimen.mend();
        }
      },
    };
  },
};

async function cutTo({ files, write }: Specimen, file: string, length: number): Promise<string> {
  await write(file, (files.get(file) ?? Buffer.alloc(0)).subarray(0, length));
  return `cut to ${length} bytes`;
}
