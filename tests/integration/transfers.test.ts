// One instant under writers that never pause: money moves between two collections in transactions, and every
// backup has every cent.
import assert from "node:assert/strict";
import { requires } from "../support/requires.ts";
import { ALL_CENTS, centsIn, openAccounts, startTransfers } from "../support/transfers.ts";
import { workspace } from "../support/workspace.ts";

const RUNS = process.env.SLOW === "1" ? 50 : 8;

requires(
  { topology: "replicaSet", server: ">=5" },
  `the sums are exact in every one of ${RUNS} backups while money is moved`,
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri, BACKUP_COMPRESSION: "none" });
    await openAccounts(fresh.db);
    const writers = startTransfers(fresh.client, fresh.name);
    const copy = `${fresh.name}_copy`;
    try {
      for (let run = 1; run <= RUNS; run++) {
        const before = writers.count();
        const backup = await place.run(["backup", "--json"]);
        assert.equal(backup.code, 0, backup.stderr);
        assert.equal(backup.json().consistency.mode, "snapshot");
        assert.ok(writers.count() > before, "money moved meanwhile");
        const rename = `${fresh.name}=${copy}`;
        const args = ["restore", backup.json().id, "--db", rename, "--confirm", "--json"];
        const restored = await place.run([...args, "--skip-pre-backup"]);
        assert.equal(restored.code, 0, restored.stdout + restored.stderr);
        assert.equal(await centsIn(fresh.client, copy), ALL_CENTS, `run ${run}`);
        await fresh.client.db(copy).dropDatabase();
      }
    } finally {
      await writers.stop();
      await fresh.client.db(copy).dropDatabase();
    }
    assert.equal(await centsIn(fresh.client, fresh.name), ALL_CENTS);
  },
);
