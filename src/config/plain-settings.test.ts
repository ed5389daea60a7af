import assert from "node:assert/strict";
import { test } from "node:test";
import { KeepError } from "../errors.ts";
import { Secret } from "../util/secret.ts";
import { checkPlainSettings } from "./plain-settings.ts";

const PLACE = { cwd: "/work", home: "/home/ann" };
const check = (given: unknown) => checkPlainSettings(given, PLACE);

test("plain settings are checked: types, ranges, names", () => {
  const wrong: readonly (readonly [unknown, RegExp])[] = [
    [[], /settings: is not an object/],
    ["x", /settings: is not an object/],
    [{ backupdir: "/b" }, /settings\.backupdir: is not a setting; did you mean backupDir\?/],
    [{ backupDir: 5 }, /settings\.backupDir: /],
    [{ backupDir: "" }, /settings\.backupDir: /],
    [{ nice: 20 }, /settings\.nice: /],
    [{ nice: "5" }, /settings\.nice: /],
    [{ maxRateBytesPerSecond: 0 }, /settings\.maxRateBytesPerSecond: /],
    [{ diskAbortFreeBytes: -1 }, /settings\.diskAbortFreeBytes: /],
    [{ diskAbortFreeBytes: Number.NaN }, /settings\.diskAbortFreeBytes: /],
    [{ timezone: "Mars/Base" }, /settings\.timezone: is not a time zone/],
    [{ engine: "pg_dump" }, /settings\.engine: /],
    [{ compression: { algorithm: "lz4", level: null } }, /settings\.compression\.algorithm: /],
    [{ retention: { daily: "30d" } }, /settings\.retention\.daily: /],
    [{ uri: 7 }, /settings\.uri: /],
    [{ uri: "http://p4ssword@x" }, /settings\.uri/],
  ];
  for (const [given, message] of wrong)
    assert.throws(
      () => check(given),
      (error) => {
        assert.ok(error instanceof KeepError);
        assert.equal(error.code, "bad-setting");
        assert.match(error.message, message);
        assert.doesNotMatch(error.message + error.hint, /p4ssword/);
        return true;
      },
    );
});

test("paths become absolute, plain secrets become secret, and undefined values are left out", () => {
  assert.deepEqual(check(undefined), {});
  assert.deepEqual(check({ nice: undefined }), {});
  assert.equal(check({ backupDir: "~/b" }).backupDir, "/home/ann/b");
  assert.equal(check({ backupDir: "b" }).backupDir, "/work/b");
  const { alertCommand } = check({ alertCommand: "mail" });
  assert.equal(alertCommand?.reveal(), "mail");
  const secret = new Secret("x");
  assert.equal(check({ alertPingUrl: secret }).alertPingUrl, secret);
});

test("hosts and database follow the URI, unless they are given too", () => {
  const uri = "mongodb://u:p@db.example.org/surg?authSource=admin";
  const { hosts, databases } = check({ uri });
  assert.deepEqual([hosts, databases], [["db.example.org:27017"], ["surg"]]);
  assert.deepEqual(check({ uri, databases: null }).databases, null);
});
