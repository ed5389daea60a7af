// A writer with an invariant across collections while backups are made: the restored sum is exact.
import assert from "node:assert/strict";
import { BUILT, createTarget } from "../program/attack.ts";
import type { TortureCase } from "../runner/case.ts";
import { createJudge } from "../runner/judge.ts";
import { ALL_CENTS, centsIn, openAccounts, startTransfers } from "../../tests/support/transfers.ts";

export const transfers: TortureCase = {
  name: "transfers",
  fault: "writers move money between two collections in transactions during the backup",
  holds: "the restored sum is exact",
  trials: { full: 100, quick: 5 },
  async prepare(ground) {
    const { client, db, database, place } = await createTarget(ground);
    const judge = await createJudge(ground, place, database);
    await openAccounts(db);
    const writers = startTransfers(client, database);
    ground.after(() => writers.stop());
    return {
      async run() {
        const before = writers.count();
        const backup = await place.run(["backup", "--json"], BUILT);
        assert.equal(backup.code, 0, backup.stderr);
        const moved = writers.count() - before;
        assert.ok(moved > 0, "no money moved");
        const { id, consistency } = backup.json();
        const second = await judge.restored(id);
        assert.equal(await centsIn(second, database), ALL_CENTS);
        return `exact, as ${String(consistency.mode)}`;
      },
    };
  },
};
