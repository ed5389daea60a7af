// A server that cannot take the backup is found out before anything is touched.
import assert from "node:assert/strict";
import { chmod, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { ManifestBody } from "../../src/archive/manifest.ts";
import { formatManifest } from "../../src/archive/seal.ts";
import { restore } from "../../src/index.ts";
import { dbHash } from "../support/fidelity.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import { requires } from "../support/requires.ts";
import { ownServer } from "../support/servers.ts";
import { workspace } from "../support/workspace.ts";

/** The backup as if another server had been backed up. */
async function pretend(path: string, server: Partial<ManifestBody["server"]>): Promise<void> {
  const file = join(path, "manifest.json");
  const { sha256: _old, ...body } = JSON.parse(await readFile(file, "utf8"));
  await chmod(file, 0o600);
  await writeFile(file, formatManifest({ ...body, server: { ...body.server, ...server } }).text);
}

requires(
  { topology: "replicaSet" },
  "a backup of a newer MongoDB is refused with exit 2, and --force-version goes on with a warning",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    await fresh.db.collection("patients").insertMany([{ n: 1 }, { n: 2 }]);
    const { path } = (await place.run(["backup", "--json"])).json();
    const then = await dbHash(fresh.client, fresh.name);
    await pretend(path, { version: "99.0.1" });
    await fresh.db.collection("patients").insertOne({ n: 3 });
    const before = await dbHash(fresh.client, fresh.name);

    const plan = await place.run(["restore", "latest", "--json"]);
    assert.equal(plan.code, 0, plan.stderr);
    assert.match(plan.json().warnings.join(), /of MongoDB 99\.0\.1.*--confirm will refuse/);

    const refused = await place.run(["restore", "latest", "--confirm", "--json"]);
    assert.equal(refused.code, 2, refused.stdout);
    assert.equal(refused.json().error.code, "unfit-server");
    assert.match(refused.json().error.hint, /MongoDB 99\.0 or newer.*--force-version/);
    assert.deepEqual(await dbHash(fresh.client, fresh.name), before, "nothing was touched");
    // That one was tried is noted, and there is no record of a restore.
    assert.deepEqual(await readdir(join(place.backupDir, "restores")), ["attempt"]);

    const args = ["restore", "latest", "--confirm", "--force-version", "--json"];
    const forced = await place.run(args);
    assert.equal(forced.code, 0, forced.stdout);
    assert.match(forced.json().warnings.join(), /of MongoDB 99\.0\.1/);
    assert.deepEqual(await dbHash(fresh.client, fresh.name), then);

    const { backupDir } = place;
    const settings = { uri: fresh.uri, backupDir, diskWarnFreeBytes: 0, diskAbortFreeBytes: 0 };
    const byLibrary = { backup: "latest", confirm: true, settings } as const;
    await assert.rejects(restore(byLibrary), { code: "unfit-server" });
    assert.equal((await restore({ ...byLibrary, forceVersion: true })).ok, true);
  },
);

test("a server held at an older feature compatibility version is refused, and told how to raise it", async (t) => {
  const server = await ownServer(t, { topology: "standalone" });
  const fresh = await freshDatabase(t, server.uri);
  const place = await workspace(t, { MONGODB_URI: fresh.uri });
  await fresh.db.collection("patients").insertOne({ n: 1 });
  const { path } = (await place.run(["backup", "--json"])).json();
  const { server: made } = JSON.parse(await readFile(join(path, "manifest.json"), "utf8"));
  const current = made.featureCompatibilityVersion;
  // The one before, as far as this server goes back.
  const older = `${Number.parseInt(current, 10) - 1}.0`;
  const change = (version: string) =>
    fresh.client.db("admin").command({ setFeatureCompatibilityVersion: version });
  await change(older);
  const refused = await place.run(["restore", "latest", "--confirm", "--json"]);
  assert.equal(refused.code, 2, refused.stdout);
  const { code, message, hint } = refused.json().error;
  assert.equal(code, "unfit-server");
  assert.ok(message.includes(older) && message.includes(current), message);
  assert.match(hint, /setFeatureCompatibilityVersion/);
  await change(current);
  assert.equal((await place.run(["restore", "latest", "--confirm"])).code, 0);
});
