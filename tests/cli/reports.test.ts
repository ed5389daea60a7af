// list, status, doctor, cleanup, schedule on a folder with no backups and no server: they work, and say so.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { test } from "node:test";
import { reportOf } from "./read.ts";
import { workspace } from "../support/workspace.ts";

test("list works with no settings at all, and makes no folder", async (t) => {
  const place = await workspace(t);
  const run = await place.run(["list", "--json"]);
  assert.equal(run.code, 0);
  assert.deepEqual(reportOf(run).backups, []);
  assert.deepEqual(await readdir(place.home), []);
});

test("restore alone lists the backups, and is said to be a plan", async (t) => {
  const place = await workspace(t, {});
  const run = await place.run(["restore", "--json"]);
  assert.equal(run.code, 0);
  const { ok, planned, restored, backups } = reportOf(run);
  assert.deepEqual(
    { ok, planned, restored, backups },
    { ok: true, planned: true, restored: false, backups: [] },
  );
});

test("status of an empty folder is exit 1: no backup, no schedule", async (t) => {
  const place = await workspace(t, {});
  const run = await place.run(["status", "--json"]);
  assert.equal(run.code, 1);
  const { ok, problems, lastGood, disk } = reportOf(run);
  const codes = problems.map(({ code }) => code);
  assert.equal(ok, false);
  assert.equal(lastGood, null);
  assert.ok(disk.freeBytes > 0);
  assert.ok(codes.includes("no-backup"));
});

test("--quiet leaves of status what was asked for, and nothing else on stderr but the failure", async (t) => {
  const place = await workspace(t, {});
  const { stdout, stderr } = await place.run(["status", "--quiet"]);
  assert.match(stderr, /WARN {2}mongokeep status found problems exit=1 problems=\d/);
  assert.match(stdout, /there is no good backup/);
  assert.doesNotMatch(stderr, / INFO /);
});

test("status --alert sends the problems", async (t) => {
  const place = await workspace(t);
  const told = place.at("told.txt");
  await place.writeEnv({ ALERT_COMMAND: `cat > ${told}` });
  await place.run(["status"]);
  assert.ok(!(await readdir(place.folder)).includes("told.txt"));
  await place.run(["status", "--alert"]);
  assert.ok((await readdir(place.folder)).includes("told.txt"));
});

test("doctor without a server fails that check, and goes on with the others", async (t) => {
  const place = await workspace(t, {});
  const run = await place.run(["doctor", "--json"]);
  assert.equal(run.code, 1);
  const { ok, checks } = reportOf(run);
  const states = new Map(checks.map(({ name, state }) => [name, state]));
  assert.equal(ok, false);
  assert.equal(states.get("server"), "fail");
  assert.equal(states.get("disk"), "ok");
  for (const name of ["settings", "permissions", "git", "schedule", "service", "alerts"]) {
    assert.ok(states.has(name), name);
  }
});

test("doctor --test-alert fails where nobody can be told", async (t) => {
  const place = await workspace(t, {});
  const { checks } = reportOf(await place.run(["doctor", "--test-alert", "--json"]));
  assert.equal(checks.at(-1)?.state, "fail");
});

test("doctor --test-alert sends one", async (t) => {
  const place = await workspace(t);
  const told = place.at("told.txt");
  await place.writeEnv({ ALERT_COMMAND: `cat >> ${told}` });
  const { checks } = reportOf(await place.run(["doctor", "--test-alert", "--json"]));
  assert.deepEqual(checks.at(-1)?.state, "ok");
  assert.ok((await readdir(place.folder)).includes("told.txt"));
});

test("cleanup of an empty folder decides nothing", async (t) => {
  const place = await workspace(t, {});
  const run = await place.run(["cleanup", "--dry-run", "--json"]);
  assert.equal(run.code, 0);
  assert.deepEqual(reportOf(run).decisions, []);
  assert.equal(reportOf(run).dryRun, true);
});

test("colours are for terminals: none in a pipe, whatever NO_COLOR says", async (t) => {
  const place = await workspace(t, {});
  for (const env of [{}, { NO_COLOR: "1" }]) {
    const { stdout, stderr } = await place.run(["doctor"], { env });
    assert.doesNotMatch(stdout + stderr, /\u001b/);
  }
});
