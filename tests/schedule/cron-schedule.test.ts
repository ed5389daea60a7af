// schedule install, status and remove on a crontab: a real one where there is one, else a look-alike.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { KeepError } from "../../src/errors.ts";
import { systemZone } from "../../src/schedule/surroundings.ts";
import {
  installDrills,
  installSchedule,
  readSchedule,
  removeSchedule,
} from "../../src/schedule/schedule.ts";
import type { ScheduleRequest } from "../../src/schedule/schedule.ts";
import { fakeCrontab, realCrontab, realCrontabMissing } from "./crontab-program.ts";
import type { CrontabProgram } from "./crontab-program.ts";

const NOW = Date.parse("2026-11-23T12:00:00Z");

const kinds = [
  { name: "a look-alike", skip: false, open: fakeCrontab },
  { name: "the real crontab", skip: realCrontabMissing() ?? false, open: realCrontab },
];

for (const { name, skip, open } of kinds) {
  describe(`with ${name}`, { skip }, () => {
    let folder: string;
    let cron: CrontabProgram;
    let request: ScheduleRequest;

    before(async () => {
      folder = await mkdtemp(join(tmpdir(), "mk-cron-"));
      cron = await open(folder);
      const script = join(folder, "mongokeep.cjs");
      await writeFile(script, "");
      request = {
        kind: "cron",
        at: "0 2 * * *",
        project: join(folder, "surg db"),
        node: process.execPath,
        script,
        envFile: null,
        logFile: join(folder, ".tmp", "backup.log"),
        home: folder,
        timezone: systemZone(),
        nowMs: NOW,
        programs: { crontab: cron.program, systemctl: join(folder, "no-systemctl") },
      };
    });
    after(async () => {
      cron.close();
      await rm(folder, { recursive: true });
    });

    const list = () => {
      if (spawnSync(cron.program, ["-l"]).status !== 0) return Buffer.alloc(0);
      return spawnSync("env", ["VISUAL=cat", cron.program, "-e"]).stdout;
    };
    const set = (bytes: Buffer) => {
      assert.equal(spawnSync(cron.program, ["-"], { input: bytes }).status, 0);
    };

    test("a user without a crontab gets one, and has none again after remove", async () => {
      const state = await installSchedule(request);
      assert.equal(state.installed, true);
      assert.equal(state.kind, "cron");
      assert.equal(
        state.line,
        `0 2 * * * cd '${folder}/surg db' && ${process.execPath} ${request.script} backup >> ~/.tmp/backup.log 2>&1`,
      );
      assert.equal(state.at, "0 2 * * *");
      assert.match(state.nextRun ?? "", /^2026-11-2[34]T/);
      assert.ok(list().includes(`# mongokeep begin ${request.project}\n`));
      assert.deepEqual(await removeSchedule(request), { removed: ["cron"] });
      assert.equal((await readSchedule(request)).installed, false);
      assert.equal(spawnSync(cron.program, ["-l"]).status, 1, "crontab -r was used");
      assert.deepEqual(await removeSchedule(request), { removed: [] });
    });

    test("foreign lines keep every byte, whatever they hold", async () => {
      const foreign = Buffer.from(
        "MAILTO=a@b.c\n\n# \u00fc \xff\b\r\n# \\r\n*/5 * * * * echo 1 \\% 2\n",
        "latin1",
      );
      set(foreign);
      await installSchedule(request);
      assert.deepEqual(list().subarray(0, foreign.length), foreign);
      await installSchedule({ ...request, at: "30 3 * * *", statusAlert: true });
      assert.deepEqual(list().subarray(0, foreign.length), foreign);
      assert.equal((await readSchedule(request)).at, "30 3 * * *");
      assert.ok(list().includes("0 9 * * * cd ") && list().includes(" status --alert >> "));
      await removeSchedule(request);
      assert.deepEqual(list(), foreign);
    });

    test("two projects do not touch each other", async () => {
      const other = { ...request, project: join(folder, "größe 100%") };
      await installSchedule(request);
      const first = list();
      await installSchedule(other);
      assert.deepEqual(list().subarray(0, first.length), first);
      await removeSchedule(other);
      assert.deepEqual(list(), first);
      await removeSchedule(request);
    });

    test("drills have a block of their own, which the nightly run comes and goes beside", async () => {
      const foreign = Buffer.from("# mine\n");
      set(foreign);
      const drills = { ...request, at: "0 4 1 * *" };
      const first = await installDrills(drills);
      assert.equal(first.installed, false);
      assert.equal(first.drill?.at, "0 4 1 * *");
      assert.match(first.drill.nextRun ?? "", /^2026-(11-30|12-01)T/);
      assert.ok(list().includes(`# mongokeep drill begin ${request.project}\n0 4 1 * * cd `));
      assert.ok(list().includes(" drill >> "));
      const before = list();
      assert.deepEqual((await installSchedule(request)).drill, first.drill);
      const both = list();
      await installDrills(drills);
      assert.deepEqual(list(), both, "twice changes nothing");
      await installSchedule({ ...request, at: "30 3 * * *" });
      const state = await readSchedule(request);
      assert.deepEqual([state.at, state.drill?.at], ["30 3 * * *", "0 4 1 * *"]);
      assert.deepEqual(list().subarray(0, before.length), before);
      assert.deepEqual(await removeSchedule(request), { removed: ["cron"] });
      assert.deepEqual(list(), foreign);
    });

    test("a time that cron cannot read is refused before anything is touched", async () => {
      set(Buffer.from("# mine\n"));
      await assert.rejects(installSchedule({ ...request, at: "0 25 * * *" }), /hour/);
      assert.equal(list().toString(), "# mine\n");
    });

    test("a time that was changed by hand is the one that is told", async () => {
      await installSchedule(request);
      set(Buffer.from(list().toString("latin1").replace("0 2 *", "0 2,4 *"), "latin1"));
      assert.equal((await readSchedule(request)).at, "0 2,4 * * *");
      await removeSchedule(request);
    });
  });
}

describe("around the crontab", () => {
  let folder: string;
  let request: ScheduleRequest;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "mk-cron-"));
    const { program } = await fakeCrontab(folder);
    request = {
      kind: "cron",
      at: "0 2 * * *",
      project: folder,
      node: process.execPath,
      script: program,
      envFile: null,
      logFile: join(folder, "logs", "deep", "backup.log"),
      home: folder,
      timezone: systemZone(),
      nowMs: NOW,
      programs: { crontab: program, systemctl: join(folder, "no-systemctl") },
    };
  });
  after(() => rm(folder, { recursive: true }));

  const failure = (code: string, part: RegExp) => (error: unknown) =>
    error instanceof KeepError &&
    error.code === code &&
    part.test(`${error.message} ${error.hint}`);

  test("the log is made private, its folder too; a folder that exists keeps its mode", async () => {
    await mkdir(join(folder, "logs"), { mode: 0o755 });
    await chmod(join(folder, "logs"), 0o755);
    await installSchedule(request);
    const mode = async (path: string) => (await stat(path)).mode & 0o777;
    assert.equal(await mode(join(folder, "logs")), 0o755);
    assert.equal(await mode(join(folder, "logs", "deep")), 0o700);
    assert.equal(await mode(request.logFile), 0o600);
    await chmod(request.logFile, 0o644);
    await writeFile(request.logFile, "kept\n");
    const state = await installSchedule(request);
    assert.equal(await mode(request.logFile), 0o600);
    assert.equal(await readFile(request.logFile, "utf8"), "kept\n");
    assert.match(state.lastLog ?? "", /^20\d\d-/);
  });

  test("a second install writes nothing", async () => {
    const log = join(folder, "spool.log");
    await installSchedule(request);
    const writes = await readFile(log, "utf8");
    await installSchedule(request);
    assert.equal(await readFile(log, "utf8"), writes);
  });

  test("a symbolic link or a device is no log", async () => {
    const link = join(folder, "link.log");
    await symlink(join(folder, "elsewhere"), link);
    for (const logFile of [link, "/dev/null"]) {
      await assert.rejects(
        installSchedule({ ...request, logFile }),
        failure("bad-setting", /BACKUP_LOG/),
      );
    }
    await assert.rejects(stat(join(folder, "elsewhere")));
    assert.notEqual((await stat("/dev/null")).mode & 0o777, 0o600);
  });

  test("where cron is not installed the error says what to install", async () => {
    const programs = { ...request.programs, crontab: join(folder, "nowhere") };
    await assert.rejects(
      installSchedule({ ...request, programs }),
      failure("failed", /apt-get install cron/),
    );
    assert.equal((await readSchedule({ ...request, programs })).installed, false);
    assert.deepEqual(await removeSchedule({ ...request, programs }), { removed: [] });
  });

  test("a time that was changed by hand into nonsense is a warning", async () => {
    await installSchedule(request);
    const spool = join(folder, "spool");
    await writeFile(spool, (await readFile(spool, "utf8")).replace("0 2 *", "0 99 *"));
    const state = await readSchedule(request);
    assert.equal(state.installed, true);
    assert.equal(state.nextRun, null);
    assert.ok(state.warnings.some((warning) => warning.includes("hour")));
  });

  test("the message of a crontab that refuses is passed on", async () => {
    const crontab = join(folder, "refusing");
    await writeFile(
      crontab,
      "#!/bin/sh\necho 'You (bob) are not allowed to use this program' >&2\nexit 1\n",
    );
    await chmod(crontab, 0o700);
    const programs = { ...request.programs, crontab };
    await assert.rejects(
      installSchedule({ ...request, programs }),
      failure("failed", /not allowed/),
    );
    await assert.rejects(readSchedule({ ...request, programs }), failure("failed", /not allowed/));
  });

  test("a crontab that does not store what is written is detected", async () => {
    const crontab = join(folder, "forgetting");
    await writeFile(crontab, "#!/bin/sh\ncat > /dev/null\n");
    await chmod(crontab, 0o700);
    const programs = { ...request.programs, crontab };
    await assert.rejects(
      installSchedule({ ...request, programs }),
      failure("failed", /does not hold/),
    );
  });

  test("a Node that is gone is told at once, not at two in the morning", async () => {
    const node = join(folder, "gone", "node");
    await assert.rejects(installSchedule({ ...request, node }), failure("failed", /gone\/node/));
  });

  test("another time zone of the backups is a warning", async () => {
    await installSchedule(request);
    const state = await readSchedule({ ...request, timezone: "Pacific/Kiritimati" });
    assert.ok(state.warnings.some((warning) => warning.includes("Pacific/Kiritimati")));
    const same = await readSchedule(request);
    assert.ok(!same.warnings.some((warning) => warning.includes("BACKUP_TIMEZONE")));
  });
});
