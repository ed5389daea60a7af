// One flipped bit at every byte of every file of a backup must be found and never restored. mongorestore restores 255
// of 603 such dumps with exit 0 (docs/reliability.md).
import { ALGORITHMS, createDamageJudge, createSpecimen, DERIVED } from "../runner/specimen.ts";
import type { Specimen } from "../runner/specimen.ts";
import type { TortureCase } from "../runner/case.ts";

const QUICK = 2_500;
/** Restores take longer than verifications. */
const RESTORE_EACH = 50;

interface Place {
  readonly specimen: Specimen;
  readonly file: string;
  readonly at: number;
}

export const bitFlips: TortureCase = {
  name: "bit-flips",
  fault: "one flipped bit at every byte of a small backup, all its files, each compression",
  holds: "100 % found, nothing written to any server",
  trials: { full: 0, quick: QUICK },
  async prepare(ground) {
    const specimens: Specimen[] = [];
    for (const algorithm of ALGORITHMS) specimens.push(await createSpecimen(ground, algorithm));
    const places = specimens.flatMap((specimen) =>
      [...specimen.files].flatMap(([file, bytes]) =>
        Array.from(bytes, (_, at): Place => ({ specimen, file, at })),
      ),
    );
    const judge = await createDamageJudge(ground);
    return {
      trials: ground.quick ? Math.min(QUICK, places.length) : places.length,
      async run({ number, of, random }) {
        const stride = places.length / of;
        const place = places[Math.floor((number + random.unit()) * stride)];
        if (!place) throw new Error("no such byte");
        const { specimen, file, at } = place;
        const bits = ground.quick ? [random.below(8)] : [0, 1, 2, 3, 4, 5, 6, 7];
        try {
          for (const bit of bits) {
            const what = `${specimen.algorithm}: bit ${bit} of byte ${at} of ${file}`;
            const bytes = Buffer.from(specimen.files.get(file) ?? []);
            bytes[at] = (bytes[at] ?? 0) ^ (1 << bit);
            await specimen.write(file, bytes);
            if (file === DERIVED) await judge.notBelieved(specimen, what);
            else await judge.found(specimen, what, (number * 8 + bit) % RESTORE_EACH === 0);
          }
        } finally {
          await specimen.mend();
        }
        return file === DERIVED ? "report not believed" : "found";
      },
    };
  },
};
