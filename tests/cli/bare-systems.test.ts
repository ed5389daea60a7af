// Time zones, homes and folders as containers and odd accounts have them: each works, or is refused with its cause.
// None is "a fault in mongokeep".
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, chown, mkdir, readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { test } from "node:test";
import type { CliResult } from "../support/cli.ts";
import { failureOf } from "./read.ts";
import { workspace } from "../support/workspace.ts";

const MAIN = resolve(import.meta.dirname, "../../src/cli/main.ts");

function assertNoFault(run: CliResult, what: string): void {
  const said = run.stdout + run.stderr;
  assert.doesNotMatch(said, /fault in mongokeep|code=internal|RangeError|\n +at .*:\d+:\d+/, what);
  assert.notEqual(run.code, 7, `${what}: ${said}`);
}

for (const TZ of ["", ":", "UTC0", "CET-1CEST,M3.5.0,M10.5.0/3", "Nowhere/Land", "/etc/gone"]) {
  test(`TZ=${JSON.stringify(TZ)} is UTC for every command`, async (t) => {
    const place = await workspace(t, {});
    const env = { TZ };
    for (const args of [["list"], ["status"], ["cleanup", "--dry-run"], ["backup"], ["doctor"]]) {
      const run = await place.run(args, { env });
      assertNoFault(run, args.join(" "));
      for (const line of run.stderr.split("\n").filter((one) => one !== ""))
        assert.match(line, /^\S+\+00:00 /);
    }
  });
}

test("a TZ that is no zone is reported, and BACKUP_TIMEZONE stands in for it", async (t) => {
  const place = await workspace(t, {});
  const env = { TZ: "Nowhere/Land" };
  assert.match(
    (await place.run(["list"], { env })).stderr,
    /WARN .*Nowhere\/Land.*BACKUP_TIMEZONE/,
  );
  await place.writeEnv({ BACKUP_TIMEZONE: "Asia/Kolkata" });
  const run = await place.run(["backup"], { env });
  assert.match(run.stderr, /\+05:30 ERROR mongokeep backup failed code=bad-setting/);
  assert.doesNotMatch(run.stderr, /Nowhere/);
});

for (const [what, HOME] of [
  ["empty", ""],
  ["relative", "some/where"],
] as const) {
  test(`a HOME that is ${what} matters only where ~ is used`, async (t) => {
    const place = await workspace(t, {});
    const whole = await place.run(["list"], { env: { HOME } });
    assert.equal(whole.code, 0, whole.stderr);
    const bare = await place.run(["list", "--json", "--env-file", "/dev/null"], { env: { HOME } });
    assert.equal(bare.code, 2);
    assert.match(failureOf(bare).error.message, /BACKUP_DIR .*no home folder/);
    assert.match(failureOf(bare).error.hint, /Set HOME/);
  });
}

test("a TMPDIR that cannot be used is named by whatever needs it", async (t) => {
  const place = await workspace(t, {});
  await writeFile(place.at("file"), "");
  await place.writeEnv({ BACKUP_ENGINE: "mongodump" });
  for (const [TMPDIR, why] of [
    [place.at("gone"), "does not exist"],
    [place.at("file"), "is not a folder"],
  ] as const) {
    const { checks } = (await place.run(["doctor", "--json"], { env: { TMPDIR } })).json() as {
      checks: { name: string; state: string; message: string; hint: string }[];
    };
    const check = checks.find(({ name }) => name === "temporary folder");
    assert.equal(check?.state, "fail");
    assert.ok(check.message.includes(TMPDIR) && check.message.includes(why), check.message);
    assert.match(check.hint, /TMPDIR/);
  }
});

test("a working folder that was deleted is exit 2, and an alert", async (t) => {
  const place = await workspace(t);
  const told = place.at("told.txt");
  const script = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"';
  const argv = ["-c", script, "sh", process.execPath, MAIN, "backup", "--json"];
  const env = { ...process.env, ALERT_COMMAND: `echo "$MONGOKEEP_CODE" >> '${told}'` };
  const run = spawnSync("sh", argv, { cwd: place.folder, env, encoding: "utf8" });
  assert.equal(run.status, 2, run.stderr);
  assert.match(run.stdout, /"code":"bad-setting".*does not exist any more/);
  assert.equal(await readFile(told, "utf8"), "bad-setting\n");
});

const isRoot = process.getuid?.() === 0;
test("a user without a passwd entry or a home", { skip: !isRoot && "needs root" }, async (t) => {
  const place = await workspace(t);
  await mkdir(place.backupDir, { mode: 0o700 });
  await chown(place.backupDir, 54321, 54321);
  await chmod(place.folder, 0o755);
  const run = (env: Record<string, string>, ...args: string[]) =>
    spawnSync(process.execPath, [MAIN, ...args, "--json"], {
      ...{ cwd: place.folder, uid: 54321, gid: 54321, encoding: "utf8" },
      env: { PATH: process.env.PATH, ...env },
    });
  const whole = run({ BACKUP_DIR: place.backupDir }, "list");
  assert.equal(whole.status, 0, whole.stdout + whole.stderr);
  const bare = run({}, "list");
  assert.equal(bare.status, 2);
  assert.match(bare.stdout, /"hint":"Set HOME/);
});
