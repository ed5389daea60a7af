import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { inspect } from "node:util";
import { KeepError } from "../errors.ts";
import { loadSettings, requireUri } from "./settings.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "mk-settings-"));
});
after(() => rm(folder, { recursive: true }));

type Env = Record<string, string>;

/** Settings from a .env with these lines. */
async function load(lines: string, env: Env = {}, mode = 0o600) {
  const path = join(folder, ".env");
  await writeFile(path, lines);
  await chmod(path, mode);
  return await loadSettings({ envFile: undefined, cwd: folder, home: "/home/ann", env });
}

async function refusal(lines: string, env: Env = {}): Promise<KeepError> {
  try {
    await load(lines, env);
  } catch (error) {
    assert.ok(error instanceof KeepError, String(error));
    assert.equal(error.exitCode, 2);
    return error;
  }
  assert.fail("was accepted");
}

test("without a .env every setting has its default, and only a server is missing", async () => {
  const cwd = await mkdtemp(join(folder, "empty-"));
  const settings = await loadSettings({ envFile: undefined, cwd, home: "/home/ann", env: {} });
  assert.deepEqual(settings, {
    envFile: null,
    uri: null,
    uriName: null,
    restoreLogin: null,
    hosts: [],
    databases: null,
    backupDir: "/home/ann/.tmp/backups",
    logFile: "/home/ann/.tmp/backup.log",
    engine: "native",
    compression: { algorithm: "gzip", level: null },
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    maxRateBytesPerSecond: null,
    readPreference: "secondaryPreferred",
    maxLagMs: 600_000,
    nice: 10,
    retention: {
      daily: { count: 30, unit: "d" },
      weekly: { count: 3, unit: "mo" },
      monthly: { count: 1, unit: "y" },
    },
    diskWarnFreeBytes: 10e9,
    diskAbortFreeBytes: 5e9,
    service: { kind: "none" },
    cutoverTimeoutMs: 10_000,
    restoreKeepAsideMs: 86_400_000,
    drill: { uri: null, checksFile: null, reminderMs: 7_776_000_000, mongodBinary: null },
    alertCommand: null,
    alertWebhookUrl: null,
    alertPingUrl: null,
    warnings: [],
  });
  assert.throws(
    () => requireUri(settings),
    (error) =>
      error instanceof KeepError &&
      error.code === "bad-setting" &&
      error.hint.split("\n").filter((line) => line.startsWith("MONGODB_")).length === 5,
  );
});

test("a --env-file that does not exist is exit 2, and so is a folder", async () => {
  for (const envFile of ["absent.env", "."]) {
    const source = { envFile, cwd: folder, home: "/", env: {} };
    await assert.rejects(loadSettings(source), { code: "bad-setting" });
  }
});

test("the process environment wins, and an empty variable unsets the file's", async () => {
  const file = "BACKUP_COMPRESSION=zstd\nALERT_COMMAND=mail\nDISK_WARN_FREE=20GB";
  const settings = await load(file, { BACKUP_COMPRESSION: "none", ALERT_COMMAND: "" });
  assert.equal(settings.compression.algorithm, "none");
  assert.equal(settings.alertCommand, null);
  assert.equal(settings.diskWarnFreeBytes, 20e9);
});

test("paths: ~ is the home, a relative one starts at the .env, or at the working folder", async () => {
  await mkdir(join(folder, "sub"), { recursive: true });
  await writeFile(join(folder, "sub", "x.env"), "BACKUP_DIR=backups\nBACKUP_LOG=~/b.log");
  const source = { envFile: "sub/x.env", cwd: folder, home: "/home/ann", env: {} };
  const settings = await loadSettings(source);
  assert.equal(settings.backupDir, join(folder, "sub", "backups"));
  assert.equal(settings.logFile, "/home/ann/b.log");
  const moved = await loadSettings({ ...source, env: { BACKUP_DIR: "./here" } });
  assert.equal(moved.backupDir, join(folder, "here"));
});

test("what is malformed names itself, its place and what a right value looks like", async () => {
  const cases: readonly [string, RegExp][] = [
    ["DISK_WARN_FREE=10", /10GB/],
    ["BACKUP_COMPRESSION=lz4", /gzip, zstd or none/],
    ["RETENTION_DAILY=30 days", /30d/],
    ["RETENTION_WEEKLY=0w", /2w/],
    ["BACKUP_TIMEZONE=Mars/Olympus", /Europe\/Berlin/],
    ["BACKUP_TIMEZONE=+02:00", /Europe\/Berlin/],
    ["BACKUP_MAX_RATE=0", /MB\/s/],
    ["BACKUP_DIR=$HOME/backups", /~\/\.tmp\/backups/],
    ["BACKUP_DIR=~bob/backups", /~\/\.tmp\/backups/],
    ["BACKUP_DIR=~", /~\/\.tmp\/backups/],
    ["BACKUP_DIR=/", /~\/\.tmp\/backups/],
    ["SERVICE_NAME=-rf", /surg-backend\.service/],
    ["MONGODB_DATABASE=a/b", /surg/],
    ["MONGODB_TLS=maybe", /true or false/],
    ["MONGODB_PORT=99999", /27017/],
    ["MONGODB_TLS_CA_FILE=/no/such.pem", /PEM/],
    ["BACKUP_COMPRESSION_LEVEL=10", /1 to 9/],
    ["BACKUP_COMPRESSION=none\nBACKUP_COMPRESSION_LEVEL=1", /BACKUP_COMPRESSION_LEVEL/],
    ["BACKUP_COMPRESSION=zstd\nBACKUP_COMPRESSION_LEVEL=20", /1 to 19/],
    ["DISK_WARN_FREE=1GB", /DISK_ABORT_FREE/],
    ["SERVICE_STOP=x", /SERVICE_START/],
    ["SERVICE_CHECK=x", /SERVICE_NAME/],
    ["SERVICE_NAME=x\nSERVICE_STOP=x\nSERVICE_START=x", /[Rr]emove/],
  ];
  for (const [lines, hint] of cases) {
    const error = await refusal(lines);
    assert.ok(lines.includes(String(/[A-Z]+_[A-Z_]+/.exec(error.message))), error.message);
    assert.match(error.hint, hint, lines);
  }
});

test("everything malformed is told at once", async () => {
  const error = await refusal("DISK_WARN_FREE=x\nBACKUP_COMPRESSION=x\nRETENTION_DAILY=x");
  for (const name of ["DISK_WARN_FREE", "BACKUP_COMPRESSION", "RETENTION_DAILY"]) {
    assert.ok(error.message.includes(name), error.message);
  }
});

test("a malformed secret is named, never shown", async () => {
  const error = await refusal("ALERT_WEBHOOK_URL=hooks.example/T0KEN");
  assert.match(error.message, /ALERT_WEBHOOK_URL/);
  assert.ok(!inspect(error).includes("T0KEN"));
});

test("an engine that there is not is exit 2, and those there are are named", async () => {
  const { code, message, hint } = await refusal("BACKUP_ENGINE=pg_dump");
  assert.equal(code, "bad-setting");
  assert.match(`${message} ${hint}`, /native.*mongodump.*ejson/);
});

test("an unquoted # or a ${ in a setting is exit 2 with the quoted form, without a secret's value", async () => {
  const shown = await refusal("A=1\nBACKUP_DIR=/srv/a#b");
  assert.match(shown.message, /BACKUP_DIR in .*\.env line 2 has a # without quotes/);
  assert.match(shown.hint, /BACKUP_DIR='\/srv\/a#b'/);
  const masked = await refusal("MONGODB_HOST=h\nMONGODB_PASSWORD=hunter#2x");
  assert.match(masked.hint, /MONGODB_PASSWORD='…'/);
  assert.ok(!inspect(masked).includes("hunter"));
  assert.match((await refusal("MONGODB_URI=mongodb://${U}@h")).hint, /MONGODB_URI='…'/);
  await load("FOREIGN=a#b${c}");
});

test("a name that is nearly ours is an error for what backups, deletes and alerts", async () => {
  const slips = {
    BACKUP_COMPRESION: "BACKUP_COMPRESSION",
    RETENTION_DALY: "RETENTION_DAILY",
    DISK_ABORTFREE: "DISK_ABORT_FREE",
    ALERT_COMAND: "ALERT_COMMAND",
    BAKCUP_DIR: "BACKUP_DIR",
    backup_dir: "BACKUP_DIR",
  };
  for (const [written, meant] of Object.entries(slips)) {
    const error = await refusal(`${written}=x`);
    assert.equal(error.hint, `Did you mean ${meant}?`);
  }
});

test("another name that is nearly ours is a warning; foreign ones are nothing", async () => {
  const { warnings } = await load("SERVICE_NAM=x\nMONGODB_URL=mongodb://h\nMONGO_HOST=h");
  assert.deepEqual(warnings.toSorted(), [
    "MONGODB_URL is not used: did you mean MONGODB_URI?",
    "MONGO_HOST is not used: did you mean MONGODB_HOST?",
    "SERVICE_NAM is not used: did you mean SERVICE_NAME?",
  ]);
  const foreign = "PORT=1\nSECRET_KEY=x\nBACKUP_DB=x\nALERT_EMAIL=x\nDISK=1\nDB_HOST=h\nNODE_ENV=x";
  assert.deepEqual((await load(foreign)).warnings, []);
  const slip = { RETENTION_DALY: "60d", PATH: "/bin" };
  assert.deepEqual((await load("", slip)).warnings, [
    "RETENTION_DALY is not used: did you mean RETENTION_DAILY?",
  ]);
});

test("a .env with a password that others can read is a warning", async () => {
  const secret = "MONGODB_URI=mongodb://u:hunter2@h/db";
  assert.match((await load(secret, {}, 0o644)).warnings.join(), /chmod 600/);
  assert.deepEqual((await load(secret, {}, 0o600)).warnings, []);
  assert.deepEqual((await load("MONGODB_URI=mongodb://h/db", {}, 0o644)).warnings, []);
  assert.deepEqual((await load("", { MONGODB_URI: "mongodb://u:p@h" }, 0o644)).warnings, []);
});

test("printing the settings shows no secret", async () => {
  const settings = await load(
    [
      "MONGODB_URI=mongodb://u:hunter2@h/db",
      "ALERT_COMMAND='curl -H hunter2'",
      "ALERT_WEBHOOK_URL=https://hooks.example.org/hunter2",
      "ALERT_PING_URL=https://ping.example.org/hunter2",
    ].join("\n"),
  );
  for (const shown of [
    inspect(settings, { depth: 9 }),
    JSON.stringify(settings),
    String(settings.uri),
  ]) {
    assert.ok(!shown.includes("hunter2"), shown);
  }
  assert.equal(requireUri(settings).reveal(), "mongodb://u:hunter2@h/db");
});

test("a service is a unit, or a pair of commands, with a check for either", async () => {
  assert.deepEqual((await load("SERVICE_NAME=a@1.service\nSERVICE_CHECK='curl x'")).service, {
    kind: "systemd",
    unit: "a@1.service",
    check: "curl x",
    status: null,
  });
  const both = await load(
    "SERVICE_STOP='pm2 stop a'\nSERVICE_START='pm2 start a'\nSERVICE_STATUS=x",
  );
  assert.deepEqual(both.service, {
    kind: "commands",
    stop: "pm2 stop a",
    start: "pm2 start a",
    startFrom: both.envFile,
    check: null,
    status: "x",
  });
});

test("the same name twice in the file with different values is exit 2", async () => {
  const error = await refusal("BACKUP_DIR=/a\nX=1\nBACKUP_DIR=/b");
  assert.match(error.message, /twice .* lines 1 and 3/);
  await load("BACKUP_DIR=/a\nBACKUP_DIR=/a");
});

test("MONGOKEEP_URI wins over all that the application says of the connection, right or wrong", async () => {
  const own = "MONGOKEEP_URI=mongodb://keep:k@own.example:1/?authSource=admin\n";
  for (const theirs of [
    "MONGODB_URI=mongodb://app:p@other.example/surg",
    "MONGODB_URI=not-a-uri",
    "MONGODB_URI=mongodb://app:a#b@h/x",
    "MONGODB_URI=mongodb://${H}/x",
    "MONGODB_URI=mongodb://a/\nMONGO_URL=mongodb://b/",
    "MONGODB_URI=mongodb://a/\nMONGODB_URI=mongodb://b/",
    "MONGODB_HOST=other.example\nMONGODB_PORT=no\nMONGODB_USERNAME=app",
    "MONGODB_HOST=a b\nMONGODB_TLS_CA_FILE=/not/there.pem\nMONGODB_TLS=false",
    "DATABASE_URL=mongodb://app:p@other.example/x",
  ]) {
    const settings = await load(`${theirs}\n${own}MONGODB_DATABASE=surg\n`);
    assert.equal(
      settings.uri?.reveal(),
      "mongodb://keep:k@own.example:1/?authSource=admin",
      theirs,
    );
    assert.deepEqual(
      [settings.uriName, settings.hosts, settings.databases, settings.warnings],
      ["MONGOKEEP_URI", ["own.example:1"], ["surg"], []],
      theirs,
    );
  }
  const inEnvironment = await load(own, { MONGODB_URI: "mongodb://app:p@other.example/x" });
  assert.deepEqual(inEnvironment.hosts, ["own.example:1"]);
  const fromEnvironment = await load("MONGODB_URI=mongodb://a#b/\n", {
    MONGOKEEP_URI: "mongodb://own/surg",
  });
  assert.deepEqual([fromEnvironment.hosts, fromEnvironment.databases], [["own:27017"], ["surg"]]);
  const emptied = await load(`MONGODB_URI=mongodb://app/\n${own}`, { MONGOKEEP_URI: "" });
  assert.equal(emptied.uriName, "MONGODB_URI", "an empty variable unsets the file's");
});

test("what is wrong with mongokeep's own URIs is told by their names, without their passwords", async () => {
  for (const name of ["MONGOKEEP_URI", "MONGOKEEP_RESTORE_URI"]) {
    const error = await refusal(`MONGODB_URI=mongodb://h/\n${name}=mongodb://u:geheim@h:99999/`);
    assert.match(error.message, new RegExp(`^${name} is not a mongodb URI`));
    assert.doesNotMatch(error.message + error.hint, /geheim/);
  }
  const { warnings } = await load("MONGODB_URI=mongodb://h/\nMONGOKEEP_URL=mongodb://o/");
  assert.deepEqual(warnings, ["MONGOKEEP_URL is not used: did you mean MONGOKEEP_URI?"]);
  const loose = await load("MONGOKEEP_URI=mongodb://u:p@h/", {}, 0o644);
  assert.match(loose.warnings.join(), /holds secrets/);
});

test("the login for restores stands beside any URI, and keeps no option of an application", async () => {
  const { restoreLogin, uriName } = await load(
    "MONGODB_URI=mongodb://h/surg\nMONGOKEEP_RESTORE_URI=mongodb://r:p@h/?authSource=admin&w=0",
  );
  assert.equal(uriName, "MONGODB_URI");
  assert.equal(restoreLogin?.uri.reveal(), "mongodb://r:p@h/?authSource=admin");
});

test("only what is ours must be UTF-8, and a line of ours that is not is named", async () => {
  const path = join(folder, ".env");
  const loadBytes = async (bytes: Buffer) => {
    await writeFile(path, bytes, { mode: 0o600 });
    return await loadSettings({ envFile: undefined, cwd: folder, home: "/home/ann", env: {} });
  };
  const latin = (text: string) => Buffer.from(text, "latin1");
  const uri = "MONGODB_URI=mongodb://h/surg";
  for (const theirs of [
    "# Gr\u00f6\u00dfe",
    "TITLE=Gr\u00f6\u00dfe",
    "TITLE='Gr\u00f6\n\u00dfe'",
  ]) {
    const settings = await loadBytes(
      latin(`${theirs}\n${uri} # f\u00fcr\nBACKUP_DIR='/b' # \u00e4`),
    );
    assert.deepEqual([settings.hosts, settings.backupDir], [["h:27017"], "/b"], theirs);
  }
  const wrong = latin(`# \u00e4\n${uri}\nMONGODB_DATABASE=surg\nBACKUP_DIR=/srv/Gr\u00f6\u00dfe\n`);
  await assert.rejects(loadBytes(wrong), {
    code: "bad-setting",
    message: `BACKUP_DIR in ${path} line 4 is not UTF-8 text`,
  });
  const wide = await loadBytes(Buffer.from(`\ufeff# \u00e4\r\n${uri}\r\n`, "utf16le"));
  assert.deepEqual(wide.hosts, ["h:27017"]);
  await assert.rejects(loadBytes(Buffer.from(uri, "utf16le")), {
    code: "bad-setting",
    message: /is not text/,
  });
  const zero = await refusal("MONGODB_URI='mongodb://u:geheim@h\u200b/x'");
  assert.match(zero.message, /invisible character \(U\+200B\)/);
});
