// kill -9 directly before or after each call on a file of the backup folder, during backup, cleanup and restore.
import assert from "node:assert/strict";
import { createIoBed, judgeLive, judgeNext, prepareFor, runCommand, tidy } from "../io/bed.ts";
import type { Command, IoBed } from "../io/bed.ts";
import { lacksShim } from "../io/shim.ts";
import type { TortureCase, Trial } from "../runner/case.ts";

const COMMANDS: readonly Command[] = ["backup", "cleanup", "restore"];
/** Calls are made for each trial that is run in a quick run; each is hit before or after. */
const QUICK_EACH = 10;
const QUICK_MOST = 24;

export const killEachCall: TortureCase = {
  name: "kill-each-call",
  fault: "kill -9 at each file-system call on the backup folder, of backup, cleanup and restore",
  holds:
    "nothing half-done is good; the next run succeeds with no manual unlock; live data old or new after rollback",
  trials: { full: 0, quick: 0 },
  lacks: lacksShim,
  async prepare(ground) {
    const bed = await createIoBed(ground, COMMANDS);
    const places = COMMANDS.flatMap((command) =>
      (bed.traces.get(command) ?? []).map((_, n) => ({ command, at: n + 1 })),
    );
    const trials = ground.quick
      ? Math.min(QUICK_MOST, Math.ceil(places.length / QUICK_EACH))
      : places.length;
    return { trials, run: (trial) => runTrial(bed, places, trial) };
  },
};

async function runTrial(
  bed: IoBed,
  places: readonly { readonly command: Command; readonly at: number }[],
  { number, of, random }: Trial,
): Promise<string> {
  const place = places[Math.floor(((number + random.unit()) * places.length) / of)];
  assert.ok(place);
  const { command, at } = place;
  const now = await prepareFor(bed, command, random);
  const how = random.pick(["kill", "killafter"] as const);
  try {
    const run = await runCommand(bed, command, bed.shim.failing(at, how));
    const hit = await bed.shim.hit();
    const shown = `${command}, ${how} at call ${at} (${hit ? `${hit.op} ${hit.path}` : "nothing"}): exit ${String(run.code)} ${run.stdout}${run.stderr}`;
    const live = command === "restore" ? await judgeLive(bed, now, run, shown) : "";
    await bed.judge.good();
    await judgeNext(bed, shown);
    return `${command} ${hit ? `killed at ${hit.op}` : "not reached"} ${live}`.trim();
  } finally {
    await tidy(bed);
  }
}
