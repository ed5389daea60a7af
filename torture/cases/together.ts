// Two or three commands at once on one BACKUP_DIR: those that change something take turns, and cleanup never touches a
// running backup or the only backup.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { BUILT, createTarget, fillTarget } from "../program/attack.ts";
import type { TortureCase } from "../runner/case.ts";
import { createJudge } from "../runner/judge.ts";

const LIMIT_MS = 240_000;

export const together: TortureCase = {
  name: "together",
  fault: "two or three of backup, cleanup, restore, delete, verify, list at once",
  holds: "one wins, the others wait or exit 4; a running or an only backup is never touched",
  trials: { full: 100, quick: 10 },
  async prepare(ground) {
    const { place, db, database, ...target } = await createTarget(ground);
    await fillTarget(db, ground.random, 2);
    const truth = await target.hashes();
    const judge = await createJudge(ground, place, database);
    const options = { ...BUILT, timeoutMs: LIMIT_MS };
    const first = await place.run(["backup", "--manual", "--json"], options);
    const only = String(first.json().id);
    return {
      async run({ random }) {
        const extra = await place.run(["backup", "--manual", "--json"], options);
        assert.equal(extra.code, 0, extra.stderr);
        const choices = [
          ["backup", "--manual"],
          ["cleanup"],
          ["restore", only, "--confirm", "--skip-pre-backup"],
          ["delete", String(extra.json().id), "--confirm"],
          ["verify", only],
          ["list"],
        ];
        const chosen = Array.from({ length: 2 + random.below(2) }, () => random.pick(choices));
        const running = [];
        for (const args of chosen) {
          running.push(place.run([...args, "--json"], options));
          await sleep(random.below(400));
        }
        const results = await Promise.all(running);
        const shown = results
          .map(
            (run, n) =>
              `${chosen[n]?.join(" ") ?? ""}: exit ${String(run.code)} ${run.stdout}${run.stderr}`,
          )
          .join("\n");
        const names = results.map(({ code }, n) => `${chosen[n]?.[0] ?? ""} ${String(code)}`);
        // 2: the backup was deleted, or named, a moment before.
        for (const { code } of results) assert.ok([0, 2, 4].includes(code ?? -1), shown);
        assert.ok(
          results.some(({ code }) => code === 0),
          shown,
        );
        const good = await judge.good();
        assert.ok(
          good.some(({ id }) => id === only),
          shown,
        );
        for (const run of results) {
          const said = JSON.parse(run.stdout) as { id?: string; verification?: unknown };
          if (run.code !== 0 || said.id === undefined || said.verification === undefined) continue;
          assert.ok(
            good.some(({ id }) => id === said.id),
            `${said.id} is gone:\n${shown}`,
          );
        }
        assert.deepEqual(await target.hashes(), truth, shown);
        const left = (await place.backupNames()).filter((name) => name.endsWith(".partial"));
        assert.deepEqual(left, [], shown);
        for (const { id } of good)
          if (id !== only) await place.run(["delete", id, "--confirm"], options);
        await place.run(["restore", "--drop-aside", "--confirm"], options);
        return names.sort().join(", ");
      },
    };
  },
};
