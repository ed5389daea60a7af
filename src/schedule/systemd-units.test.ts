import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { Cron } from "croner";
import { KeepError } from "../errors.ts";
import { formatServiceUnit, formatTimerUnit, readUnit, toOnCalendar } from "./systemd-units.ts";

const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;

const EVENTS = [
  ["0 2 * * *", "*-*-* 02:00:00"],
  ["*/30 1,13 * * *", "*-*-* 01,13:00,30:00"],
  ["0 2 * * 0", "Sun *-*-* 02:00:00"],
  ["15 3 * * 1-5", "Mon,Tue,Wed,Thu,Fri *-*-* 03:15:00"],
  ["0 2 1 */6 *", "*-01,07-01 02:00:00"],
  ["* * * * *", "*-*-* *:*:00"],
] as const;

for (const [at, event] of EVENTS) {
  test(`cron's "${at}" is systemd's "${event}"`, () => {
    assert.equal(toOnCalendar(at), event);
  });

  test(`systemd agrees with cron on the next time of "${at}"`, { skip: !hasSystemd }, () => {
    const base = "2026-11-23 12:00:30 UTC";
    const argv = ["calendar", `--base-time=${base}`, `${event} UTC`];
    const { stdout } = spawnSync("systemd-analyze", argv, { encoding: "utf8" });
    const told = /Next elapse: \w+ (\S+ \S+) UTC/.exec(stdout)?.[1] ?? stdout;
    const next = new Cron(at, { timezone: "UTC" }).nextRun(new Date("2026-11-23T12:00:30Z"));
    assert.equal(`${told.replace(" ", "T")}.000Z`, next?.toISOString());
  });
}

test("what cron runs on either of two days, systemd would run on both: refused", () => {
  assert.throws(
    () => toOnCalendar("0 2 1 * 0"),
    (error) => error instanceof KeepError && error.code === "usage",
  );
});

const COMMAND = {
  project: '/home/a b/100% "x"',
  node: "/opt/node js/$HOME/node",
  script: "/opt/it's\\here/$1.cjs",
  envFile: "/etc/mk.env",
  logFile: "/var/log/100%.log",
  home: "/home/a b",
};

test("percent signs, quotes, spaces and dollars are escaped in the way of each setting", () => {
  const unit = formatServiceUnit("0 2 * * *", ["backup"], COMMAND);
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(unit)?.[1];
  assert.equal(value("WorkingDirectory"), '/home/a b/100%% "x"');
  assert.equal(
    value("ExecStart"),
    String.raw`"/opt/node js/$HOME/node" -- "/opt/it's\\here/$$1.cjs" backup --env-file /etc/mk.env`,
  );
  assert.equal(value("StandardOutput"), "append:/var/log/100%%.log");
  assert.equal(value("StandardError"), "append:/var/log/100%%.log");
});

test("a timer that was missed runs later, and its unit says whose it is", () => {
  const unit = formatTimerUnit("0 2 * * *", ["backup"], "/p q");
  assert.match(unit, /^Persistent=true$/m);
  assert.match(unit, /^WantedBy=timers.target$/m);
  assert.deepEqual(readUnit(unit), { project: "/p q", at: "0 2 * * *" });
  assert.equal(readUnit("[Timer]\nOnCalendar=daily\n"), null);
});

test("a path that a unit cannot hold is refused", () => {
  for (const project of ["/a\nb", "/a\\", "/a "]) {
    assert.throws(
      () => formatServiceUnit("0 2 * * *", ["backup"], { ...COMMAND, project }),
      KeepError,
    );
  }
});
