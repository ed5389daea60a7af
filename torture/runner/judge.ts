// The check after every fault: every backup that `list` shows as good verifies, restores into a second server, and
// equals the original there by the server's dbHash. It uses the library, which runs the same jobs as the command line.
import assert from "node:assert/strict";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import { listBackups, restore, verify } from "../../src/index.ts";
import type { ListedBackup } from "../../src/jobs/results.ts";
import { Secret } from "../../src/util/secret.ts";
import { dbHash } from "../../tests/support/fidelity.ts";
import type { Workspace } from "../../tests/support/workspace.ts";
import type { Ground } from "./ground.ts";

export type Hashes = Readonly<Record<string, string>>;

export interface Judge {
  /** The good backups, newest first, each verified in full; throws where one of them is damaged. */
  good(): Promise<readonly ListedBackup[]>;
  /** Restores one into the second server, where the caller looks at it. */
  restored(id: string): Promise<MongoClient>;
  /** Restores one into the second server; throws where it is not what `truth` says. */
  restores(id: string, truth: Hashes): Promise<void>;
  /** `good`, and the newest of them restored; throws where there is none. */
  newestIsWhole(truth: Hashes): Promise<readonly ListedBackup[]>;
}

/** Judges what lies in a workspace's BACKUP_DIR; `database` is the one that was backed up. */
export async function createJudge(
  ground: Ground,
  place: Workspace,
  database: string,
): Promise<Judge> {
  const uri = await ground.servers.second();
  const client = await new MongoClient(uri).connect();
  ground.after(async () => {
    await client.db(database).dropDatabase();
    await client.close();
  });
  const envFile = place.at(".env");
  const good = async () => {
    const { backups } = await listBackups({ envFile });
    const listed = backups.filter((backup) => backup.state === "good");
    for (const { id } of listed) {
      const { ok, backups: verified } = await verify({ envFile, refs: id, level: "full" });
      assert.ok(ok, `${id} is listed as good, and is not: ${JSON.stringify(verified)}`);
    }
    return listed;
  };
  const restored = async (id: string) => {
    await client.db(database).dropDatabase();
    const settings = { uri: new Secret(uri), backupDir: place.at("judge") };
    const backup = join(place.backupDir, id);
    const result = await restore({ envFile, settings, backup, confirm: true, skipPreBackup: true });
    assert.ok("restored" in result && result.restored, `${id} was not restored`);
    return client;
  };
  const restores = async (id: string, truth: Hashes) => {
    await restored(id);
    assert.deepEqual(await dbHash(client, database), truth, `${id} is not what was backed up`);
  };
  return {
    good,
    restored,
    restores,
    async newestIsWhole(truth) {
      const listed = await good();
      const [newest] = listed;
      assert.ok(newest, "there is no good backup");
      await restores(newest.id, truth);
      return listed;
    },
  };
}
