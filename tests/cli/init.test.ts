// `mongokeep init` on a real server with logins: from an empty folder to a verified backup and a nightly run.
import assert from "node:assert/strict";
import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { freshDatabase } from "../support/fresh-database.ts";
import { standaloneWithAuth } from "../support/servers.ts";
import { atEnd } from "../support/temporary.ts";
import type { Cleanup } from "../support/temporary.ts";
import { workspace } from "../support/workspace.ts";
import { fakeCrontab } from "../schedule/crontab-program.ts";

const PASSWORD = `p'ä#s$"w:@/%1\`\${x}`;

/** A database with data, users for backups and restores, a crontab, and an empty folder. */
async function prepare(t: Cleanup) {
  const fresh = await freshDatabase(t, await standaloneWithAuth());
  await fresh.db.collection("patients").insertMany([{ name: "x" }, { name: "y" }]);
  const [user, restoreUser] = [`keep_${fresh.name}`, `restore_${fresh.name}`];
  const admin = fresh.client.db("admin");
  const make = (name: string, roles: string[]) =>
    admin.command({ createUser: name, pwd: PASSWORD, roles });
  await make(user, ["backup"]);
  await make(restoreUser, ["backup", "restore", "readWriteAnyDatabase"]);
  atEnd(t, async () => {
    for (const name of [user, restoreUser]) await admin.command({ dropUser: name });
  });
  const place = await workspace(t);
  const bin = place.at("bin");
  await mkdir(bin);
  await fakeCrontab(bin);
  const env = { PATH: `${bin}:${process.env.PATH ?? ""}`, TZ: "Europe/Berlin" };
  await writeFile(place.at("pw.txt"), `${PASSWORD}\n`);
  const host = new URL(fresh.serverUri.replace("mongodb:", "http:")).host;
  const uri = `mongodb://${host}/${fresh.name}`;
  const run = (args: string[], more: Readonly<Record<string, string>> = {}, input = "") =>
    place.run(args, { env: { ...env, ...more }, input });
  const envText = () => readFile(place.at(".env"), "utf8").catch(() => null);
  return { fresh, place, run, uri, user, restoreUser, spool: join(bin, "spool"), envText };
}

test("three commands lead from an empty folder to a verified backup, a schedule and a restore", async (t) => {
  const { fresh, place, run, uri, user, restoreUser, spool, envText } = await prepare(t);
  const backupDir = place.at("kept");
  const foreign = "# the application's\nPORT=8000\n";
  await writeFile(place.at(".env"), foreign, { mode: 0o644 });
  const flags = [
    "init",
    "--yes",
    "--uri",
    uri,
    "--user",
    user,
    "--password-file",
    "pw.txt",
    "--folder",
    backupDir,
  ];
  const restore = ["--restore-user", restoreUser, "--restore-password-file", "-"];
  const first = await run([...flags, ...restore, "--json"], {}, PASSWORD);
  assert.equal(first.code, 0, first.stderr + first.stdout);
  const result = first.json();
  assert.equal(result.ok, true);
  assert.equal(result.doctor.ok, true);
  assert.deepEqual(result.changed, [
    "MONGOKEEP_URI",
    "MONGOKEEP_RESTORE_URI",
    "BACKUP_DIR",
    "BACKUP_TIMEZONE",
  ]);
  assert.equal(result.backup.made, true);
  assert.equal(result.backup.documents, 2);
  assert.equal(result.schedule.installed, true);
  assert.ok(!`${first.stdout}${first.stderr}`.includes("p'ä#"), "no password is shown");
  const written = (await envText()) ?? "";
  assert.ok(written.startsWith(foreign), written);
  assert.match(written, /^BACKUP_TIMEZONE=Europe\/Berlin$/m);
  assert.equal((await stat(place.at(".env"))).mode & 0o777, 0o600);
  const crontab = await readFile(spool, "utf8");

  assert.equal((await run(["verify", "latest"])).code, 0);
  await fresh.db.collection("patients").deleteMany({});
  const restored = await run(["restore", "latest", "--confirm", "--json"]);
  assert.equal(restored.code, 0, restored.stderr);
  assert.equal(await fresh.db.collection("patients").countDocuments(), 2);

  const again = await run([...flags]);
  assert.equal(again.code, 0, again.stderr + again.stdout);
  assert.match(again.stdout, /nothing to change/);
  assert.match(again.stdout, /there is a backup: /);
  assert.match(again.stdout, /restore latest --confirm/);
  assert.equal(await envText(), written);
  assert.equal(await readFile(spool, "utf8"), crontab);
});

test("init refuses settings that cannot work, with the cause, before it writes anything", async (t) => {
  const { run, uri, user, envText, place } = await prepare(t);
  await writeFile(place.at("wrong.txt"), "wrong");
  const login = ["--user", user, "--password-file"];
  const withPassword = uri.replace("//", `//${user}:geheim4711@`);
  const cases: readonly (readonly [args: string[], code: number, said: RegExp])[] = [
    [["--uri", withPassword], 2, /--uri has a password in it.*\n.*--password-file/],
    [[], 2, /no MongoDB is named.*\n.*--uri/],
    [["--uri", uri, "--user", user], 2, /password of .* is missing.*\n.*--password-file/],
    [
      ["--uri", uri, ...login, "absent.txt"],
      2,
      /cannot read absent\.txt, the file of --password-file/,
    ],
    [["--uri", uri, "--password-file", "pw.txt"], 2, /--user is missing for --password-file/],
    [
      ["--uri", uri, ...login, "wrong.txt"],
      6,
      /createUser\(\{user: "keep_.*roles: \["backup"\]\}\)/,
    ],
    [["--uri", "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300"], 6, /127\.0\.0\.1:1/],
  ];
  for (const [args, code, said] of cases) {
    const { stderr, ...run1 } = await run(["init", "--yes", ...args]);
    assert.equal(run1.code, code, stderr);
    assert.match(stderr, said);
    assert.ok(!stderr.includes("geheim4711"));
    assert.equal(await envText(), null);
  }
});

test("secrets come from the environment too, and parts can be skipped", async (t) => {
  const { run, uri, user, place, envText } = await prepare(t);
  const own = uri.replace(
    "//",
    `//${user}:${encodeURIComponent(PASSWORD).replaceAll("'", "%27")}@`,
  );
  const secrets = { MONGOKEEP_URI: `${own}?authSource=admin`, ALERT_COMMAND: "cat > 'a b.txt'" };
  const flags = ["init", "--yes", "--no-backup", "--no-schedule", "--no-doctor", "--json"];
  const { MONGOKEEP_URI: MONGODB_URI, ALERT_COMMAND } = secrets;
  await writeFile(place.at("empty.env"), "");
  const first = await run([...flags, "--folder", place.backupDir], { MONGODB_URI, ALERT_COMMAND });
  assert.ok(
    first.json().changed.includes("MONGOKEEP_URI"),
    "the nightly run has no such environment",
  );
  const elsewhere = ["--env-file", "empty.env", "--folder", place.backupDir];
  assert.ok(
    (await run([...flags, ...elsewhere], secrets)).json().changed.includes("MONGOKEEP_URI"),
  );
  assert.equal(first.code, 0, first.stderr);
  const { doctor, backup, schedule } = first.json();
  assert.deepEqual([doctor, backup, schedule], [null, null, null]);
  const before = (await envText()) ?? "";
  assert.match(before, /^ALERT_COMMAND=`cat > 'a b.txt'`$/m);
  const second = await run([...flags, "--database", "billing"]);
  assert.deepEqual(second.json().changed, ["MONGODB_DATABASE"]);
  assert.equal(await envText(), `${before}MONGODB_DATABASE=billing\n`);
});
