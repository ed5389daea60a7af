// What goes wrong around a backup: damage, a full disk, strange folders, a clock that jumps, prying eyes.
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { Temporal } from "temporal-polyfill";
import { KeepError } from "../../src/errors.ts";
import type { KeepEvent } from "../../src/events.ts";
import { backup, listBackups } from "../../src/index.ts";
import type { ListedBackup } from "../../src/jobs/results.ts";
import { makeBackup } from "../../src/jobs/backup/make-backup.ts";
import type { BackupOrder } from "../../src/jobs/backup/make-backup.ts";
import { freeBytes } from "../../src/storage/disk.ts";
import { manualClock, systemClock } from "../../src/util/clock.ts";
import { verifyDraft } from "../../src/verify/verify.ts";
import type { VerifyContext } from "../../src/verify/files.ts";
import { deploymentFor } from "../support/deployment.ts";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { folderContext } from "../support/job-context.ts";
import { writePastBackup } from "../support/past-backups.ts";
import { requires } from "../support/requires.ts";
import { smallDisk } from "../support/small-disk.ts";
import { atEnd } from "../support/temporary.ts";
import { workspace } from "../support/workspace.ts";

const run = promisify(execFile);
const idsIn = (names: readonly string[]) => names.filter((n) => /^\d{4}-/.test(n));

const ORDER: Omit<BackupOrder, "databases"> = {
  engine: "native",
  type: "automatic",
  note: null,
  exclude: [],
  only: null,
  accounts: true,
  allowEmpty: false,
  compression: { algorithm: "gzip", level: null },
  relieve: null,
};

/** Flips a bit of a data file behind the dump's back, the first `times` times. */
function harming(database: string, times: number): typeof verifyDraft {
  let left = times;
  return async (path, id, draft, context) => {
    if (left-- > 0) {
      const file = await open(join(path, database, "patients.bson.gz"), "r+");
      await file.write(Buffer.from([0x55]), 0, 1, 25);
      await file.close();
    }
    return await verifyDraft(path, id, draft, context satisfies VerifyContext);
  };
}

async function dumpHarmed(
  t: TestContext,
  fresh: FreshDatabase,
  times: number,
  assertHeld = () => Promise.resolve(),
) {
  const place = await workspace(t);
  await mkdir(place.backupDir, { mode: 0o700 });
  await fresh.db.collection("patients").insertMany([{ a: 1 }, { a: 2 }]);
  const { deployment } = await deploymentFor(t, fresh.serverUri);
  const base = folderContext(place.backupDir, "2026-11-23T02:00:00Z");
  const context = { ...base, clock: systemClock, freeBytes, assertHeld };
  const order = { ...ORDER, databases: [fresh.name] };
  const made = makeBackup(context, deployment, order, harming(fresh.name, times));
  return { made, place, events: base.events };
}

const codes = (events: readonly KeepEvent[]) =>
  events.flatMap((event) => (event.kind === "log" ? [event.code] : []));

requires(
  { topology: "replicaSet" },
  "a backup that fails its own verification is set aside and made once more",
  async (t, fresh) => {
    const { made, place, events } = await dumpHarmed(t, fresh, 1);
    const { manifest } = await made;
    const names = idsIn(await place.backupNames());
    assert.equal(names.length, 2);
    assert.ok(names.includes(manifest.id));
    assert.ok(names.some((n) => n.endsWith(".damaged")));
    assert.ok(codes(events).includes("backup-damaged"), "which is an alert");
  },
);

requires(
  { topology: "replicaSet" },
  "damaged twice, there is no backup, and none is listed as good",
  async (t, fresh) => {
    const { made, place } = await dumpHarmed(t, fresh, 2);
    const error = (await made.catch((thrown: unknown) => thrown)) as KeepError;
    assert.equal(error.code, "damaged");
    const names = idsIn(await place.backupNames());
    assert.equal(names.length, 2);
    assert.ok(names.every((n) => n.endsWith(".damaged")));
    assert.ok(
      names.every((n) => error.hint.includes(n)),
      error.hint,
    );
    await place.writeEnv({ MONGODB_URI: fresh.uri });
    for (const name of names) {
      const verify = await place.run(["verify", name, "--json"]);
      assert.equal(verify.code, 3, verify.stderr);
      const [{ id, problems }] = verify.json().backups;
      assert.equal(id, name);
      assert.match(problems[0].file, /patients\.bson/);
      assert.match(
        verify.json().warnings.join(),
        /failed its verification when it was made, at 20/,
      );
      const show = await place.run(["show", name]);
      assert.equal(show.code, 0, show.stderr);
      assert.match(show.stdout, /patients\.bson[^\n]*: [^]*verified\s+DAMAGED, full/);
      const restore = await place.run(["restore", name, "--confirm"]);
      assert.equal(restore.code, 3, restore.stderr);
      assert.match(restore.stderr, /kept to be looked at: mongokeep verify .*mongokeep list/);
      const extract = await place.run(["extract", name, "--ns", `${fresh.name}.patients`]);
      assert.equal(extract.code, 3, extract.stderr);
    }
    const list = (await place.run(["list", "--json"])).json().backups;
    assert.deepEqual(
      list.map((one: ListedBackup) => [one.state, one.type, one.verification?.ok]),
      names.map(() => ["damaged", "automatic", false]),
    );
    assert.match(list[0].problem, /failed its own verification: .*patients\.bson/);
  },
);

requires(
  { topology: "replicaSet" },
  "a backup whose lock another run took gets no name, be it good or damaged",
  async (t, fresh) => {
    const lost = new KeepError("lock-lost", "another run took the lock");
    for (const times of [0, 1]) {
      const { made, place } = await dumpHarmed(t, fresh, times, () => Promise.reject(lost));
      await assert.rejects(made, lost);
      assert.deepEqual(await place.backupNames(), []);
    }
  },
);

const incompressible = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ i, noise: randomBytes(10_000) }));

requires(
  { topology: "replicaSet" },
  "a disk that fills up in the middle is exit 5, leaves nothing half-done, and harms no earlier backup",
  async (t, fresh) => {
    const place = await workspace(t, {
      MONGODB_URI: fresh.uri,
      DISK_WARN_FREE: "1KB",
      DISK_ABORT_FREE: "1KB",
    });
    if (!(await smallDisk(t, 12, place.backupDir))) return;
    await fresh.db.collection("patients").insertMany(incompressible(100));
    assert.equal((await place.run(["backup", "--manual"])).code, 0);
    const earlier = idsIn(await place.backupNames());
    await fresh.db.collection("patients").insertMany(incompressible(2_500));
    const full = await place.run(["backup", "--json"]);
    assert.equal(full.code, 5, full.stdout + full.stderr);
    assert.equal(full.json().error.code, "disk-full");
    assert.deepEqual(idsIn(await place.backupNames()), earlier);
    assert.ok(!(await place.backupNames()).some((n) => n.endsWith(".partial")));
    assert.equal((await place.run(["verify", "--all"])).code, 0);
  },
);

/** Its files take room of their own, not shared by links. */
async function unlinkFiles(path: string): Promise<void> {
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
    if (!entry.isFile()) continue;
    const file = join(entry.parentPath, entry.name);
    const bytes = await readFile(file);
    await rm(file);
    await writeFile(file, bytes, { mode: 0o600 });
  }
}

requires(
  { topology: "replicaSet" },
  "backups that go because the disk is nearly full are counted in the result",
  async (t, fresh) => {
    const place = await workspace(t, {
      MONGODB_URI: fresh.uri,
      DISK_WARN_FREE: "1KB",
      DISK_ABORT_FREE: "1KB",
      RETENTION_DAILY: "1d",
    });
    if (!(await smallDisk(t, 23, place.backupDir))) return;
    await fresh.db.collection("patients").insertMany(incompressible(300));
    const first = await place.run(["backup", "--json"]);
    assert.equal(first.code, 0, first.stdout + first.stderr);
    // Six days of one week: those go that fill no place of a week or month.
    const past = Temporal.Now.plainDateISO("UTC").subtract({ weeks: 6 });
    const monday = past.subtract({ days: past.dayOfWeek - 1 });
    for (let day = 0; day < 6; day++) {
      const at = monday.add({ days: day }).toZonedDateTime("UTC").epochMilliseconds + 7_200_000;
      await unlinkFiles(await writePastBackup(first.json().path as string, at, "UTC"));
    }
    const second = await place.run(["backup", "--json"]);
    assert.equal(second.code, 0, second.stdout + second.stderr);
    assert.match(second.json().warnings.join(), /old backups are cleaned up first/);
    const left = idsIn(await place.backupNames()).length;
    assert.ok(left <= 5, `${String(left)} are left`);
    assert.deepEqual(second.json().cleanup, { kept: left, deleted: 8 - left });
  },
);

requires(
  { topology: "replicaSet" },
  "little free space is a warning and an alert; too little stops before anything is written",
  async (t, fresh) => {
    await fresh.db.collection("patients").insertOne({ a: 1 });
    const place = await workspace(t);
    const alert = `cat >> '${place.at("alerts")}'; echo "$MONGOKEEP_EVENT" >> '${place.at("alerts")}'`;
    const env = { MONGODB_URI: fresh.uri, ALERT_COMMAND: alert };
    await place.writeEnv({ ...env, DISK_WARN_FREE: "900000GB" });
    const warned = await place.run(["backup", "--json"]);
    assert.equal(warned.code, 0, warned.stderr);
    assert.match(warned.json().warnings.join(), /free/);
    assert.match(await readFile(place.at("alerts"), "utf8"), /disk-low/);
    await place.writeEnv({ ...env, DISK_ABORT_FREE: "900000GB", DISK_WARN_FREE: "900000GB" });
    const before = await place.backupNames();
    const stopped = await place.run(["backup", "--json"]);
    assert.equal(stopped.code, 5, stopped.stderr);
    assert.deepEqual(await place.backupNames(), before);
    assert.match(await readFile(place.at("alerts"), "utf8"), /backup-failed/);
  },
);

requires(
  { topology: "replicaSet" },
  "a backup folder that cannot be written to is named, with what to do",
  async (t, fresh) => {
    await fresh.db.collection("patients").insertOne({ a: 1 });
    const place = await workspace(t);
    await writeFile(place.at("file"), "");
    await place.writeEnv({ MONGODB_URI: fresh.uri, BACKUP_DIR: place.at("file", "backups") });
    const below = await place.run(["backup", "--json"]);
    assert.equal(below.code, 1, below.stdout);
    assert.equal(below.json().error.code, "backup-dir");
    await place.writeEnv({ MONGODB_URI: fresh.uri });
    if (!(await smallDisk(t, 8, place.backupDir))) return;
    await run("mount", ["-o", "remount,ro", place.backupDir]);
    const readOnly = await place.run(["backup", "--json"]);
    assert.equal(readOnly.code, 1, readOnly.stdout);
    assert.equal(readOnly.json().error.code, "backup-dir");
  },
);

requires(
  { topology: "replicaSet" },
  "a clock that goes back is told, and the order of backups stays right",
  async (t, fresh) => {
    await fresh.db.collection("patients").insertOne({ a: 1 });
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    const clock = manualClock(Date.parse("2026-11-23T02:00:00Z"));
    const options = { envFile: place.at(".env"), clock };
    const first = await backup(options);
    clock.set(Date.parse("2026-11-20T02:00:00Z"));
    const second = await backup(options);
    assert.match(second.warnings.join(), /clock/);
    clock.set(Date.parse("2026-11-23T02:00:00Z"));
    const third = await backup(options);
    assert.notEqual(third.id, first.id);
    const { backups } = await listBackups(options);
    assert.deepEqual(
      backups.map((b) => b.id),
      [third.id, first.id, second.id],
    );
  },
);

const MAIN = resolve(import.meta.dirname, "../../src/cli/main.ts");

requires(
  { topology: "replicaSet" },
  "only the owner can read what is written, under any umask, and git never sees it",
  async (t, fresh) => {
    await fresh.db.collection("patients").insertOne({ a: 1 });
    const place = await workspace(t, { MONGODB_URI: fresh.uri });
    execFileSync("git", ["init", "-q", place.folder]);
    for (const umask of ["000", "022"]) {
      const script = `umask ${umask}; exec "$@"`;
      const args = ["-c", script, "sh", process.execPath, MAIN, "backup"];
      await run("sh", args, { cwd: place.folder, env: { ...process.env, HOME: place.home } });
    }
    await place.run(["restore", "latest", "--confirm"]);
    const entries = await readdir(place.backupDir, { recursive: true, withFileTypes: true });
    assert.ok(entries.length > 10);
    for (const entry of entries) {
      const { mode } = await stat(join(entry.parentPath, entry.name));
      assert.equal(mode & 0o777, entry.isDirectory() ? 0o700 : 0o600, entry.name);
    }
    const status = execFileSync("git", ["-C", place.folder, "status", "--porcelain", "-uall"]);
    assert.doesNotMatch(status.toString(), /backups/);
  },
);

requires(
  { topology: "standalone" },
  "no password and no document shows up in arguments, output, manifest, log or record",
  async (t, fresh) => {
    const secret = "cAnAry-pAss";
    const patient = "Erika Mustermann";
    await fresh.db.collection("patients").insertOne({ name: patient });
    await fresh.db.collection("patients").createIndexes([{ key: { name: 1 }, unique: true }]);
    const roles = ["backup", "restore"].map((role) => ({ role, db: "admin" }));
    const admin = fresh.client.db("admin");
    await admin.command({ createUser: `${fresh.name}_keeper`, pwd: secret, roles });
    atEnd(t, async () => {
      await admin.command({ dropUser: `${fresh.name}_keeper` });
    });
    const uri = new URL(fresh.uri);
    uri.username = `${fresh.name}_keeper`;
    uri.password = secret;
    uri.searchParams.set("authSource", "admin");
    const place = await workspace(t, { MONGODB_URI: uri.toString() });
    const said: string[] = [];
    for (const args of [
      ["backup", "--verbose"],
      ["restore", "latest", "--confirm", "--verbose"],
      ["list", "--json"],
      ["show", "latest"],
      ["doctor", "--verbose"],
      ["status"],
    ]) {
      const running = place.start(args);
      said.push(await readFile(`/proc/${running.pid}/cmdline`, "utf8").catch(() => ""));
      const { stdout, stderr } = await running.result;
      said.push(stdout, stderr);
    }
    const files = await readdir(place.backupDir, { recursive: true, withFileTypes: true });
    for (const file of files)
      if (file.isFile() && !file.name.includes(".bson"))
        said.push(await readFile(join(file.parentPath, file.name), "latin1"));
    assert.ok(said.join("").includes("mongokeep restore ok"), said.join("\n"));
    for (const word of [secret, patient]) assert.ok(!said.join("\n").includes(word), word);
  },
);
