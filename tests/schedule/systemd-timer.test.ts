// The systemd user timer: real files, checked by systemd itself where it is, and a systemctl that notes its calls.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { KeepError } from "../../src/errors.ts";
import {
  installDrills,
  installSchedule,
  readSchedule,
  removeSchedule,
} from "../../src/schedule/schedule.ts";
import type { ScheduleRequest } from "../../src/schedule/schedule.ts";
import { systemZone } from "../../src/schedule/surroundings.ts";
import { fakeCrontab } from "./crontab-program.ts";

let home: string;
let units: string;
let request: ScheduleRequest;

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "mk-systemd-"));
  units = join(home, ".config", "systemd", "user");
  const project = join(home, "surg db 100%");
  await mkdir(project);
  const node = join(project, "node $HOME");
  await symlink(process.execPath, node);
  const script = join(project, "it's.cjs");
  await writeFile(script, "");
  const systemctl = join(home, "systemctl");
  const wants = `'${units}/timers.target.wants'`;
  await writeFile(
    systemctl,
    `#!/bin/sh
echo "$*" >> '${home}/calls'
[ -f '${home}/refuse' ] && { echo 'Failed to connect to bus: No medium found' >&2; exit 1; }
case "$2" in
enable) mkdir -p ${wants}; shift 3; for unit; do ln -sf "../$unit" ${wants}/"$unit"; done ;;
disable) shift 3; for unit; do rm -f ${wants}/"$unit"; done ;;
esac
`,
  );
  await chmod(systemctl, 0o700);
  const { program } = await fakeCrontab(home);
  request = {
    kind: "systemd",
    at: "0 2 * * *",
    project,
    node,
    script,
    envFile: null,
    logFile: join(home, ".tmp", "100%.log"),
    home,
    timezone: systemZone(),
    nowMs: Date.parse("2026-11-23T12:00:00Z"),
    programs: { crontab: program, systemctl },
  };
});
afterEach(() => rm(home, { recursive: true }));

const calls = async () => (await readFile(join(home, "calls"), "utf8")).trim().split("\n");
const canVerify = spawnSync("systemd-analyze", ["--version"]).status === 0;

test("install writes and enables the timer, remove takes all of it away", async () => {
  const state = await installSchedule(request);
  assert.equal(state.kind, "systemd");
  assert.equal(state.line, "OnCalendar=*-*-* 02:00:00");
  assert.equal(state.at, "0 2 * * *");
  assert.deepEqual(state.warnings, []);
  assert.deepEqual(await calls(), [
    "--user daemon-reload",
    "--user enable --now mongokeep-backup.timer",
  ]);
  assert.deepEqual(await removeSchedule(request), { removed: ["systemd"] });
  assert.deepEqual(await readdir(units), ["timers.target.wants"]);
  assert.equal((await readSchedule(request)).installed, false);
});

test("systemd itself finds nothing wrong with the units", { skip: !canVerify }, async () => {
  await installSchedule({ ...request, statusAlert: true });
  const runtime = join(home, "run");
  await mkdir(runtime, { mode: 0o700 });
  const names = ["backup", "status"].flatMap((name) => [`${name}.service`, `${name}.timer`]);
  const files = names.map((name) => join(units, `mongokeep-${name}`));
  const checked = spawnSync("systemd-analyze", ["--user", "--man=no", "verify", ...files], {
    env: { ...process.env, XDG_RUNTIME_DIR: runtime },
    encoding: "utf8",
  });
  assert.equal(checked.stderr, "");
  assert.equal(checked.status, 0);
});

test("the alert of status is dropped again when it is not asked for any more", async () => {
  await installSchedule({ ...request, statusAlert: true });
  await installSchedule({ ...request, at: "0 3 * * *" });
  const left = (await readdir(units)).sort();
  assert.deepEqual(left, [
    "mongokeep-backup.service",
    "mongokeep-backup.timer",
    "timers.target.wants",
  ]);
  assert.equal((await readSchedule(request)).at, "0 3 * * *");
});

test("where systemd refuses, nothing looks installed and the error says what to do", async () => {
  await writeFile(join(home, "refuse"), "");
  await assert.rejects(
    installSchedule(request),
    (error) =>
      error instanceof KeepError &&
      error.message.includes("Failed to connect to bus") &&
      error.hint.includes("enable-linger"),
  );
  assert.deepEqual(await readdir(units), []);
  assert.equal((await readSchedule(request)).installed, false);
});

test("the timer of another project, or of someone else, is not overwritten", async () => {
  await installSchedule(request);
  const other = { ...request, project: join(home, "other") };
  await assert.rejects(installSchedule(other), /of the project .*surg db 100%/);
  assert.equal((await readSchedule(other)).installed, false);
  assert.deepEqual(await removeSchedule(other), { removed: [] });
  await writeFile(join(units, "mongokeep-backup.timer"), "[Timer]\nOnCalendar=daily\n");
  await assert.rejects(installSchedule(request), /not made by mongokeep/);
});

test("installing one kind takes the place of the other", async () => {
  await installSchedule(request);
  assert.equal((await installSchedule({ ...request, kind: "cron" })).kind, "cron");
  assert.deepEqual(await readdir(units), ["timers.target.wants"]);
  assert.equal((await installSchedule(request)).kind, "systemd");
  assert.equal(spawnSync(request.programs?.crontab ?? "", ["-l"]).status, 1);
});

test("a timer that is switched off is a warning", async () => {
  await installSchedule(request);
  await rm(join(units, "timers.target.wants"), { recursive: true });
  assert.match((await readSchedule(request)).warnings.join(), /not enabled/);
});

test("drills have their own timer, which stays when the nightly one is installed again", async () => {
  await installDrills({ ...request, at: "0 4 1 * *" });
  const state = await installSchedule(request);
  assert.equal(state.drill?.line, "OnCalendar=*-*-01 04:00:00");
  assert.deepEqual(state.drill.warnings, []);
  const names = (await readdir(units)).filter((name) => name.endsWith(".timer"));
  assert.deepEqual(names.sort(), ["mongokeep-backup.timer", "mongokeep-drill.timer"]);
  const service = await readFile(join(units, "mongokeep-drill.service"), "utf8");
  assert.match(service, /^ExecStart=.* drill$/m);
  assert.deepEqual(await removeSchedule(request), { removed: ["systemd"] });
  assert.deepEqual(
    (await readdir(units)).filter((name) => name.startsWith("mongokeep")),
    [],
  );
});
