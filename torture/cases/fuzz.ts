// Made-up backups, dumps and archives with correct checksums, read by verify, list, extract, diff and the plan of a
// restore. No crash, no hang, limited memory, nothing written, and a backup that passes contains what its manifest
// says.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { CompressionAlgorithm } from "../../src/codec/codec.ts";
import { SMALL_ID } from "../../tests/support/small-backup.ts";
import type { TortureCase } from "../runner/case.ts";
import { findLie } from "../fuzz/honest.ts";
import { FIRST, KINDS } from "../fuzz/kinds.ts";
import type { FuzzKind } from "../fuzz/kinds.ts";
import { createFuzzReader } from "../fuzz/reader.ts";
import { copyOf, createLair, createSubject, DB, sealed } from "../fuzz/subject.ts";
import type { Lair, Subject } from "../fuzz/subject.ts";
import type { FuzzAnswer, FuzzTask } from "../fuzz/worker.ts";
import type { Random } from "../../tests/support/random.ts";

const ALGORITHMS: readonly CompressionAlgorithm[] = ["gzip", "zstd", "none"];
const TWIN = "2026-11-22_02-00-00";
/** Of so many trials one also asks for what takes longer. */
const MORE_EACH = 12;
const PLAN_EACH = 60;

export const fuzz: TortureCase = {
  name: "fuzz",
  fault:
    "made-up manifests, metadata, chunk headers, seek tables, BSON lengths and depth, bombs, names that lead elsewhere, dumps and archives; checksums made to fit",
  holds:
    "no crash, no hang over 2 s, memory under 300 MB, no false accept, nothing written outside",
  trials: { full: 200_000, quick: 5_000 },
  async prepare(ground) {
    const lair = await createLair(ground, await ground.servers.second());
    const reader = createFuzzReader(lair.envFile);
    ground.after(() => reader.close());
    const subjects = await Promise.all(ALGORITHMS.map(createSubject));
    await layTwin(lair, subjects[0]);
    for (const subject of subjects) {
      const whole = { ...copyOf(subject), path: lair.path };
      await lair.lay(filesOf(whole));
      const [answer] = await reader.read("unchanged", [{ kind: "verify", path: lair.path }]);
      assert.ok(answer?.ok, `what is unchanged is refused: ${answer?.said ?? ""}`);
      assert.equal(await findLie(whole), null);
    }
    return {
      async run({ number, random }) {
        const kind = pickKind(random);
        const subject = copyOf(random.pick(subjects));
        const {
          what,
          files,
          path = lair.path,
          namespace = `${DB}.patients`,
        } = await kind.make(subject, random, lair);
        if (what === null) return `${kind.name}: nothing to change`;
        await lair.lay(files ?? filesOf(subject));
        const shown = `${kind.name}, ${subject.algorithm}: ${what}`;
        const tasks = tasksFor(path, namespace, number);
        const answers = await reader.read(shown, tasks);
        await assertNothingWritten(lair, shown);
        return `${kind.name}: ${await judge(kind, subject, answers, shown)}`;
      },
      end() {
        ground.say(`the reader had ${Math.round(reader.peakBytes() / 1e6)} MB at most`);
        return Promise.resolve();
      },
    };
  },
};

const filesOf = (subject: Subject) => {
  const all = new Map(subject.files);
  if (!all.has("manifest.json")) all.set("manifest.json", sealed(subject.body));
  return all;
};

function pickKind(random: Random): FuzzKind {
  const sum = KINDS.reduce((all, { weight }) => all + weight, 0);
  let left = random.unit() * sum;
  return KINDS.find(({ weight }) => (left -= weight) < 0) ?? FIRST;
}

/** A good backup beside it, to be compared with. */
async function layTwin({ root, lay, path }: Lair, subject: Subject | undefined): Promise<void> {
  if (!subject) return;
  const { cp } = await import("node:fs/promises");
  const body = { ...structuredClone(subject.body), id: TWIN };
  await lay(new Map([...subject.files, ["manifest.json", sealed(body)]]));
  await cp(path, join(root, TWIN), { recursive: true });
}

function tasksFor(path: string, namespace: string, number: number): FuzzTask[] {
  const tasks: FuzzTask[] = [{ kind: "verify", path }];
  if (number % MORE_EACH === 0) tasks.push({ kind: "list" });
  if (number % MORE_EACH === 4) tasks.push({ kind: "extract", backup: path, namespace });
  if (number % MORE_EACH === 8) tasks.push({ kind: "diff", backup: path, other: TWIN });
  if (number % PLAN_EACH === 1) tasks.push({ kind: "plan", backup: path });
  return tasks;
}

async function judge(
  kind: FuzzKind,
  subject: Subject,
  answers: readonly FuzzAnswer[],
  shown: string,
): Promise<string> {
  const [verified] = answers;
  if (verified?.ok !== true) return "refused";
  const lie = kind.promises ? await findLie(subject) : null;
  assert.equal(lie, null, `${shown}: taken for good`);
  if (kind.isDamage === true) assert.fail(`${shown}: taken for good`);
  return "is what it says";
}

/** No file beside what was laid, in BACKUP_DIR and around it. */
async function assertNothingWritten({ base, root }: Lair, shown: string): Promise<void> {
  const beside = [...(await readdir(base)), ...(await readdir(root))].sort();
  const known = [".env", "backups", SMALL_ID, TWIN, ...FOREIGN].sort();
  const written = beside.filter((name) => !known.includes(name));
  assert.deepEqual(written, [], `${shown}: written`);
}

/** Where dumps and archives of others are laid; and what says that runs take turns. */
const FOREIGN: readonly string[] = ["foreign", "foreign.archive"];
