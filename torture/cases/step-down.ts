// An election during backup and restore: one cluster time or failure, and live data that is old or new.
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { threeMembers } from "../../tests/support/three-members.ts";
import { ALL_CENTS, centsIn, openAccounts, startTransfers } from "../../tests/support/transfers.ts";
import { BUILT, createTarget, fillTarget } from "../program/attack.ts";
import type { TortureCase } from "../runner/case.ts";
import { createJudge } from "../runner/judge.ts";

const LIMIT_MS = 240_000;

export const stepDown: TortureCase = {
  name: "step-down",
  fault: "the primary steps down during backup and restore, in a replica set of three",
  holds: "one cluster time, or failure; live data old or new, never a mix",
  trials: { full: 50, quick: 3 },
  async prepare(ground) {
    const set = await threeMembers(ground);
    const target = await createTarget(ground, {}, set.uri);
    const { place, client, db, database } = target;
    await openAccounts(db);
    await fillTarget(db, ground.random, 8);
    const judge = await createJudge(ground, place, database);
    const options = { ...BUILT, timeoutMs: LIMIT_MS };

    /** Under writers: the sum tells whether it is one instant. */
    const backup = async (afterMs: number) => {
      const writers = startTransfers(client, database);
      try {
        const running = place.start(["backup", "--manual", "--json"], options);
        await sleep(afterMs);
        await set.stepDown();
        return await running.result;
      } finally {
        await writers.stop();
      }
    };

    const restore = async (id: string, afterMs: number) => {
      const now = await target.hashes();
      const running = place.start(["restore", id, "--confirm", "--json"], options);
      await sleep(afterMs);
      await set.stepDown();
      const { code, stdout } = await running.result;
      await set.primary();
      const [then, after] = [await restoredHashes(id), await target.hashes()];
      if (code === 0) assert.deepEqual(after, then, stdout);
      else if (code !== 8) assert.deepEqual(after, now, stdout);
      else {
        const mended = await place.run(["rollback", "--confirm", "--json"], options);
        assert.equal(mended.code, 0, mended.stdout);
        assert.deepEqual(await target.hashes(), now, mended.stdout);
      }
      return code;
    };

    const restoredHashes = async (id: string) => {
      const second = await judge.restored(id);
      const { collections } = await second.db(database).command({ dbHash: 1 });
      return collections as Record<string, string>;
    };

    return {
      async run({ random }) {
        const first = await backup(200 + random.unit() * 800);
        const good = await judge.good();
        if (first.code !== 0) {
          assert.deepEqual(good, [], first.stdout);
          return `backup: exit ${String(first.code)}`;
        }
        const { id } = first.json();
        assert.equal(await centsIn(await judge.restored(id), database), ALL_CENTS);
        const code = await restore(id, 200 + random.unit() * 3_000);
        for (const one of await judge.good())
          await place.run(["delete", one.id, "--confirm"], options);
        return `backup whole; restore: exit ${String(code)}`;
      },
    };
  },
};
