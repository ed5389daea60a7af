// Failures that need no server: each has its exit code, one JSON object, and shows no secret.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { failureOf } from "./read.ts";
import { workspace } from "../support/workspace.ts";

const NOBODY = "mongodb://keeper:very-secret-word@127.0.0.1:9/surg?serverSelectionTimeoutMS=300";

test("backup without a .env says what to put into it", async (t) => {
  const place = await workspace(t);
  const run = await place.run(["backup", "--json"]);
  assert.equal(run.code, 2);
  const { error } = failureOf(run);
  assert.equal(error.code, "bad-setting");
  assert.match(error.message, /MONGODB_URI/);
  assert.match(error.hint, /MONGODB_HOST=/);
});

test("a server that does not answer is exit 6, and the password shows nowhere", async (t) => {
  const place = await workspace(t, { MONGODB_URI: NOBODY });
  const run = await place.run(["backup", "--json", "--verbose"]);
  assert.equal(run.code, 6);
  assert.equal(failureOf(run).error.code, "unreachable");
  assert.doesNotMatch(run.stdout + run.stderr, /very-secret-word/);
  assert.match(run.stderr, /ERROR mongokeep backup failed code=unreachable exit=6/);
});

test("a stack trace shows with --verbose only", async (t) => {
  const place = await workspace(t, { MONGODB_URI: NOBODY });
  const usual = await place.run(["backup"]);
  const verbose = await place.run(["backup", "--verbose"]);
  assert.doesNotMatch(usual.stderr, /DEBUG\s+at /);
  assert.match(verbose.stderr, /^\S+ DEBUG\s+at .+:\d+/m);
});

test("every log line has time, zone and level; the zone is BACKUP_TIMEZONE", async (t) => {
  const place = await workspace(t, {
    MONGODB_URI: NOBODY,
    BACKUP_TIMEZONE: "Asia/Kolkata",
    SERVICE_NAM: "x",
  });
  const { stderr } = await place.run(["backup"]);
  for (const line of stderr.trimEnd().split("\n")) {
    assert.match(
      line,
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d (?:DEBUG|INFO |WARN |ERROR|HINT ) ./,
    );
  }
  assert.match(
    stderr,
    /\+05:30 WARN .*SERVICE_NAM/,
    "also what is told before the settings are read",
  );
  assert.match(stderr, /\+05:30 HINT  Check that MongoDB runs/);
  assert.match(stderr, /\+05:30 ERROR mongokeep backup failed/);
});

test("a failed backup sends one alert with the code, and no secret in it", async (t) => {
  const place = await workspace(t);
  const told = place.at("told.txt");
  await place.writeEnv({
    MONGODB_URI: NOBODY,
    ALERT_COMMAND: `{ echo "$MONGOKEEP_EVENT $MONGOKEEP_CODE"; cat; } >> ${told}`,
  });
  assert.equal((await place.run(["backup"])).code, 6);
  const text = await readFile(told, "utf8");
  assert.equal(text.match(/^backup-failed unreachable$/gm)?.length, 1);
  assert.doesNotMatch(text, /very-secret-word/);
});

test("an alert that cannot be sent changes neither code nor error", async (t) => {
  const place = await workspace(t, { MONGODB_URI: NOBODY, ALERT_COMMAND: "exit 3" });
  const run = await place.run(["backup", "--json"]);
  assert.equal(run.code, 6);
  assert.equal(failureOf(run).error.code, "unreachable");
  assert.match(run.stderr, /alert by ALERT_COMMAND was not sent/);
});

test("verify and restore of what is not there are exit 2, and name it", async (t) => {
  const place = await workspace(t, { MONGODB_URI: NOBODY });
  for (const args of [
    ["verify", "2020-01-01_00-00-00"],
    ["restore", "2020-01-01_00-00-00"],
    ["show", "2020-01-01_00-00-00"],
  ]) {
    const run = await place.run([...args, "--json"]);
    assert.equal(run.code, 2, args.join(" "));
    assert.equal(failureOf(run).error.code, "backup-not-found");
    assert.match(failureOf(run).error.message, /2020-01-01_00-00-00/);
  }
});
