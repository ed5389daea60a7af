// Beside the application's own login in a shared .env: one that only reads, for backups, and one for restores.
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { requires } from "../support/requires.ts";
import { replicaSet, ROOT } from "../support/servers.ts";
import { atEnd } from "../support/temporary.ts";
import { workspace } from "../support/workspace.ts";

requires(
  { topology: "standalone" },
  "backups and restores have logins of their own beside the application's",
  async (t, { db, name, uri }) => {
    const admin = db.client.db("admin");
    const host = new URL(uri).host;
    const own = async (roles: readonly string[]) => {
      const user = `keep-${randomUUID()}`;
      await admin.command({ createUser: user, pwd: "p", roles });
      atEnd(t, async () => {
        await admin.command({ dropUser: user });
      });
      return `mongodb://${user}:p@${host}/?authSource=admin`;
    };
    const patients = db.collection<{ _id: number }>("patients");
    await patients.insertMany([{ _id: 1 }, { _id: 2 }]);
    const application = {
      MONGODB_URI: `mongodb://app:wrong@${host}/${name}`,
      MONGODB_DATABASE: name,
    };
    const reading = await own(["backup"]);
    const both = {
      ...application,
      MONGOKEEP_URI: reading,
      MONGOKEEP_RESTORE_URI: await own(["backup", "restore", "readWriteAnyDatabase"]),
    };
    const place = await workspace(t, both);
    const checksOf = async () => {
      const { checks } = (await place.run(["doctor", "--json"])).json();
      return (checks as { name: string; state: string; message: string; hint: string }[])
        .filter((one) => ["server", "rights", "restore-login"].includes(one.name))
        .map((one) => `${one.state} ${one.message} ${one.hint}`)
        .join("\n");
    };

    await t.test(
      "each command has its own, and the safety backup that of the restore",
      async () => {
        const backup = await place.run(["backup", "--json"]);
        assert.equal(backup.code, 0, backup.stderr);
        await patients.deleteOne({ _id: 1 });
        assert.match((await place.run(["diff", "latest"])).stdout, /patients/);
        const restore = await place.run(["restore", "latest", "--confirm", "--json"]);
        assert.equal(restore.code, 0, restore.stderr);
        assert.notEqual(restore.json().preRestoreBackup, null);
        assert.equal(await patients.countDocuments(), 2);
        const rollback = await place.run(["rollback", "--confirm", "--json"]);
        assert.equal(rollback.code, 0, rollback.stderr);
        assert.equal(await patients.countDocuments(), 1);
        const dropped = await place.run(["restore", "--drop-aside", "--confirm", "--json"]);
        assert.equal(dropped.code, 0, dropped.stderr);
      },
    );

    await t.test("doctor asks each login for its own rights", async () => {
      const checks = await checksOf();
      assert.match(checks, /ok MongoDB takes the login of MONGOKEEP_RESTORE_URI/);
      assert.match(checks, /ok for backups: the user can list and read/);
      assert.match(
        checks,
        /ok for restores: the user of MONGOKEEP_RESTORE_URI may replace all of them/,
      );
    });

    await t.test("the login for backups alone cannot restore, and doctor says so", async () => {
      await place.writeEnv({ ...application, MONGOKEEP_URI: reading });
      const restore = await place.run(["restore", "latest", "--confirm"]);
      assert.equal(restore.code, 1, restore.stderr);
      assert.equal(await patients.countDocuments(), 1);
      assert.match(
        await checksOf(),
        /warn a restore would be refused: the user lacks .* a second user, for restores, in MONGOKEEP_RESTORE_URI/,
      );
      const lesser = { ...application, MONGOKEEP_URI: reading, MONGOKEEP_RESTORE_URI: reading };
      await place.writeEnv(lesser);
      assert.match(
        await checksOf(),
        /warn a restore would be refused: the user of MONGOKEEP_RESTORE_URI lacks/,
      );
    });

    await t.test("a login that is refused is told by the name of its setting", async () => {
      const wrong = (user: string) => `mongodb://${user}:geheim@${host}/?authSource=admin`;
      await place.writeEnv({ ...both, MONGOKEEP_RESTORE_URI: wrong("nobody") });
      assert.match(await checksOf(), /fail for restores: .*MONGOKEEP_RESTORE_URI/);
      const restore = await place.run(["restore", "latest"]);
      assert.equal(restore.code, 6, restore.stderr);
      assert.match(restore.stderr, /authSource in MONGOKEEP_RESTORE_URI/);
      assert.equal((await place.run(["backup"])).code, 0);
      await place.writeEnv({ ...both, MONGOKEEP_URI: wrong("nobody") });
      const backup = await place.run(["backup"]);
      assert.equal(backup.code, 6, backup.stderr);
      assert.match(backup.stderr, /authSource in MONGOKEEP_URI/);
      assert.doesNotMatch(backup.stderr + restore.stderr, /geheim/);
      await place.writeEnv({
        MONGODB_HOST: host,
        MONGODB_USERNAME: ROOT.user,
        MONGODB_PASSWORD: "x",
      });
      const parts = await place.run(["backup"]);
      assert.match(parts.stderr, /MONGODB_USERNAME, MONGODB_PASSWORD and MONGODB_AUTH_SOURCE/);
    });

    await t.test("a login for restores on another server is found by doctor", async () => {
      await place.writeEnv({ ...both, MONGOKEEP_RESTORE_URI: await replicaSet() });
      assert.match(await checksOf(), /fail MONGOKEEP_RESTORE_URI leads to another server/);
    });
  },
);
