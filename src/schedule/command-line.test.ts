// What sh makes of these lines is tested by running them: tests/schedule/cron-line.test.ts.
import assert from "node:assert/strict";
import { test } from "node:test";
import { KeepError } from "../errors.ts";
import { formatCronLine, quoteForCron } from "./command-line.ts";

const COMMAND = {
  project: "/root/surg-db",
  node: "/usr/bin/node",
  script: "/opt/mongokeep/bin/mongokeep.cjs",
  envFile: null,
  logFile: "/root/.tmp/backup.log",
  home: "/root",
};

test("the line is the one that is documented", () => {
  assert.equal(
    formatCronLine("0 2 * * *", ["backup"], COMMAND),
    "0 2 * * * cd /root/surg-db && /usr/bin/node /opt/mongokeep/bin/mongokeep.cjs backup >> ~/.tmp/backup.log 2>&1",
  );
});

test("another log and another .env are named in full", () => {
  const other = { ...COMMAND, envFile: "/etc/a b/.env", logFile: "/root/logs/50%.log" };
  const line = formatCronLine("0 2 * * *", ["backup"], other);
  assert.ok(
    line.endsWith(
      `/usr/bin/node -- /opt/mongokeep/bin/mongokeep.cjs backup --env-file '/etc/a b/.env' >> '/root/logs/50'\\%'.log' 2>&1`,
    ),
    line,
  );
});

test("a plain path stays plain", () => {
  assert.equal(quoteForCron("/home/o_o/a-b.c/d@e"), "/home/o_o/a-b.c/d@e");
});

test("a path with a line break is refused, as no crontab can hold it", () => {
  for (const path of ["/a\nb", "/a\rb", "/a\u0000b"]) {
    assert.throws(
      () => formatCronLine("0 2 * * *", ["backup"], { ...COMMAND, project: path }),
      (error) => error instanceof KeepError && error.code === "usage",
    );
  }
});

test("a command that cron would cut off is refused", () => {
  const project = `/${"d".repeat(950)}`;
  assert.throws(
    () => formatCronLine("0 2 * * *", ["backup"], { ...COMMAND, project }),
    /longer than 998 bytes/,
  );
});
