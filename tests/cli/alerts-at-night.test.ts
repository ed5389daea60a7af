// Whatever keeps an unattended run from starting, somebody hears of it.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { failureOf } from "./read.ts";
import type { Cleanup } from "../support/temporary.ts";
import { workspace } from "../support/workspace.ts";
import type { EnvValues } from "../support/workspace.ts";

/** A project whose alerts are lines "event code" in a file, followed by their text. */
async function watched(t: Cleanup, values: EnvValues = {}) {
  const place = await workspace(t);
  const told = place.at("told.txt");
  const ALERT_COMMAND = `{ echo "$MONGOKEEP_EVENT $MONGOKEEP_CODE"; cat; } >> '${told}'`;
  await place.writeEnv({ ...values, ALERT_COMMAND });
  const heard = () => readFile(told, "utf8").catch(() => "");
  return { ...place, ALERT_COMMAND, heard };
}

for (const args of [
  ["backup"],
  ["backup", "--json"],
  ["verify", "--all"],
  ["cleanup"],
  ["drill"],
  ["restore", "latest", "--confirm"],
  ["rollback", "--confirm"],
  ["status", "--alert"],
]) {
  test(`one bad line in .env is exit 2, and an alert: ${args.join(" ")}`, async (t) => {
    const place = await watched(t, { RETENTION_DALY: "30d" });
    const run = await place.run(args);
    assert.equal(run.code, 2);
    const text = await place.heard();
    assert.equal(text.match(/^\S+ bad-setting$/gm)?.length, 1, text);
    assert.match(text, new RegExp(`^${args[0] ?? ""}-failed bad-setting$`, "m"));
    assert.match(text, /RETENTION_DALY[^]*RETENTION_DAILY/);
  });
}

test("who only looks at something is sent no alert", async (t) => {
  const place = await watched(t, { RETENTION_DALY: "30d" });
  for (const command of ["list", "status", "doctor"]) {
    assert.equal((await place.run([command])).code, 2);
  }
  assert.equal(await place.heard(), "");
});

test("a missing settings file is told by the alert of the environment", async (t) => {
  const place = await watched(t);
  const env = { ALERT_COMMAND: place.ALERT_COMMAND };
  const run = await place.run(["backup", "--env-file=gone.env", "--json"], { env });
  assert.equal(run.code, 2);
  assert.match(failureOf(run).error.message, /gone\.env does not exist/);
  assert.match(await place.heard(), /^backup-failed bad-setting$/m);
});

test("a flag that is unknown, as in a crontab of another version, is an alert", async (t) => {
  const place = await watched(t);
  for (const args of [
    ["backup", "--env-file", ".env", "--nonsense"],
    ["status", "--alert", "--nonsense"],
  ]) {
    assert.equal((await place.run(args)).code, 2);
  }
  assert.equal((await place.heard()).match(/^\S+-failed usage$/gm)?.length, 2);
});

test("status --alert also reports its own failure", async (t) => {
  const place = await watched(t);
  // A file where the folder of the backups should be.
  await place.writeEnv({ BACKUP_DIR: place.at("told.txt"), ALERT_COMMAND: place.ALERT_COMMAND });
  await place.run(["status", "--alert"]);
  const heard = await place.heard();
  assert.notEqual(heard, "");
});

test("an alert that cannot be sent changes neither the code nor the error", async (t) => {
  const place = await workspace(t, { RETENTION_DALY: "30d", ALERT_COMMAND: "exit 3" });
  const run = await place.run(["backup", "--json"]);
  assert.equal(run.code, 2);
  assert.match(failureOf(run).error.message, /RETENTION_DALY/);
  assert.match(run.stderr, /alert by ALERT_COMMAND was not sent/);
});
