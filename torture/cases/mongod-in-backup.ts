// The server is killed, paused, or restarted during a backup: the backup is complete, or there is none and mongokeep
// says why.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { mortalMongod } from "../../tests/support/mortal-mongod.ts";
import type { MortalMongod } from "../../tests/support/mortal-mongod.ts";
import { BUILT, createTarget, fillTarget } from "../program/attack.ts";
import type { TortureCase } from "../runner/case.ts";
import { createJudge } from "../runner/judge.ts";

const FAULTS = ["killed", "restarted", "stopped"] as const;
type Fault = (typeof FAULTS)[number];

/** How long a run may take: mongokeep gives a silent server two minutes. */
const LIMIT_MS = 240_000;

export const mongodInBackup: TortureCase = {
  name: "mongod-in-backup",
  fault: "mongod killed, stopped for a while (60 s in the full run), restarted during backup",
  holds: "never good unless whole; a clear message within the time-out; the next run succeeds",
  trials: { full: 200, quick: 10 },
  async prepare(ground) {
    const server = await mortalMongod(ground);
    const { place, db, database, ...target } = await createTarget(ground, {}, server.uri);
    await fillTarget(db, ground.random, 8);
    const truth = await target.hashes();
    const judge = await createJudge(ground, place, database);
    const stoppedMs = ground.quick ? 1_500 : 60_000;
    const whole = await timeOf();
    return {
      async run({ random }) {
        const fault = random.pick(FAULTS);
        const running = place.start(["backup", "--json"], { ...BUILT, timeoutMs: LIMIT_MS });
        await sleep(whole * (0.2 + 0.6 * random.unit()));
        await strike(server, fault, stoppedMs * random.unit());
        const { code, stdout, stderr } = await running.result;
        if (fault !== "stopped") await server.start();
        const good = await judge.good();
        const ended = endingOf(code, stdout);
        assert.ok([0, 1, 6].includes(code ?? -1), `exit ${String(code)}: ${stdout}${stderr}`);
        if (code === 0) await judge.restores(idIn(stdout), truth);
        else assert.equal(good.length, 0, `a good backup, though it ended with ${String(code)}`);
        await timeOf();
        return `${fault}: ${ended}`;
      },
    };

    /** A backup without any fault, and then none: every trial begins without. */
    async function timeOf(): Promise<number> {
      const begun = performance.now();
      const run = await place.run(["backup", "--json"], BUILT);
      assert.equal(run.code, 0, `the next run: ${run.stdout}${run.stderr}`);
      const seconds = performance.now() - begun;
      for (const { id } of await judge.good()) await place.run(["delete", id, "--confirm"], BUILT);
      return seconds;
    }
  },
};

async function strike(server: MortalMongod, fault: Fault, stoppedMs: number): Promise<void> {
  if (fault === "stopped") {
    process.kill(server.pid(), "SIGSTOP");
    await sleep(stoppedMs);
    process.kill(server.pid(), "SIGCONT");
    return;
  }
  process.kill(server.pid(), fault === "killed" ? "SIGKILL" : "SIGTERM");
  await server.gone();
}

const idIn = (stdout: string) => (JSON.parse(stdout) as { id: string }).id;

/** The code of the error: what a script sees. A failure without a message or a hint is a broken promise. */
function endingOf(code: number | null, stdout: string): string {
  if (code === 0) return "whole";
  const { error } = JSON.parse(stdout) as {
    error: { code: string; message: string; hint: string };
  };
  assert.ok(error.message !== "" && error.hint !== "", stdout);
  return error.code;
}
