// EIO, ENOSPC and short counts on single reads, writes, syncs, renames, opens and closes: reported, never success.
import assert from "node:assert/strict";
import { BUILT } from "../program/attack.ts";
import { createIoBed, judgeLive, judgeNext, prepareFor, runCommand, tidy } from "../io/bed.ts";
import type { Command, IoBed } from "../io/bed.ts";
import { lacksShim } from "../io/shim.ts";
import type { Call, Fault } from "../io/shim.ts";
import type { TortureCase, Trial } from "../runner/case.ts";
import type { Random } from "../../tests/support/random.ts";

const COMMANDS: readonly Command[] = ["backup", "verify", "cleanup", "restore"];

export const ioErrors: TortureCase = {
  name: "io-errors",
  fault:
    "EIO, ENOSPC and short counts on each read, write, fsync, rename, open, close of backup, verify, cleanup, restore",
  holds:
    "told, never success unless all is whole; a failed fsync is fatal; what was good stays good; the next run succeeds",
  trials: { full: 2_000, quick: 24 },
  lacks: lacksShim,
  async prepare(ground) {
    const bed = await createIoBed(ground, COMMANDS);
    return { run: (trial) => runTrial(bed, trial) };
  },
};

async function runTrial(bed: IoBed, { random }: Trial): Promise<string> {
  const command = random.pick(COMMANDS);
  const now = await prepareFor(bed, command, random);
  const { at, how } = choose(bed.traces.get(command) ?? [], random);
  try {
    const run = await runCommand(bed, command, bed.shim.failing(at, how));
    const hit = await bed.shim.hit();
    const shown = `${command}, call ${at} ${how}, hit ${hit ? `${hit.op} ${hit.path}` : "nothing"}: exit ${String(run.code)} ${run.stdout}${run.stderr}`;
    assert.ok(run.code !== null, shown);
    if (hit?.op === "fsync" && how !== "short" && isOfBackup(hit))
      assert.notEqual(run.code, 0, shown);
    if (hit?.op === "read" && how === "EIO" && command === "verify" && isOfBackup(hit))
      assert.notEqual(run.code, 0, shown);
    if (run.code !== 0) assert.notEqual(run.json().error?.code, "internal", shown);
    const live = command === "restore" ? await judgeLive(bed, now, run, shown) : "";
    if (command === "backup" && run.code === 0)
      await bed.judge.restores(String(run.json().id), now);
    // What could not be read was not good at that moment, and is again when somebody looks again.
    if (hit?.op === "read" || hit?.op === "open") await runCommand(bed, "verify", BUILT);
    await judgeNext(bed, shown);
    const ended = run.code === 0 ? "went on whole" : `exit ${run.code}`;
    return `${command}, ${hit ? `${hit.op} ${how}` : "nothing hit"}: ${ended} ${live}`.trim();
  } finally {
    await tidy(bed);
  }
}

/** Kinds of calls are equally likely, however often each is made. */
function choose(calls: readonly Call[], random: Random): { at: number; how: Fault } {
  const op = random.pick([...new Set(calls.map((call) => call.op))]);
  const places = calls.flatMap((call, n) => (call.op === op ? [n + 1] : []));
  const hows: readonly Fault[] =
    op === "write" ? ["EIO", "ENOSPC", "short"] : op === "read" ? ["EIO", "short"] : ["EIO"];
  return { at: random.pick(places), how: random.pick(hows) };
}

/** Each verification replaces the report of the last one. */
const isOfBackup = ({ path }: Call) =>
  !path.includes("verification.json") &&
  /\.(bson|json)(\.gz|\.zst)?$/.test(path) &&
  /\d{4}-/.test(path);
