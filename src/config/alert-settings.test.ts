import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readAlertSettings } from "./alert-settings.ts";
import { loadSettings } from "./settings.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "mk-alerts-"));
});
after(() => rm(folder, { recursive: true }));

const COMMAND = "mail -s 'backup' ops@example.org";
const ALERT = `ALERT_COMMAND="${COMMAND}"\n`;

async function commandOf(text: string | Buffer, env: Record<string, string> = {}) {
  await writeFile(join(folder, ".env"), text);
  const source = { envFile: undefined, cwd: folder, env };
  // Each of these is a file that the commands refuse.
  await assert.rejects(loadSettings({ ...source, home: "/home/ann" }), { code: "bad-setting" });
  const { alertCommand, alertWebhookUrl } = await readAlertSettings(source);
  return alertCommand?.reveal() ?? alertWebhookUrl?.reveal() ?? null;
}

for (const [what, text] of [
  ["a name that is nearly one", `BACKUP_DIRR=/srv\n${ALERT}`],
  ["a malformed value", `RETENTION_DAILY=often\n${ALERT}`],
  ["an unquoted #", `MONGODB_PASSWORD=a#b\n${ALERT}`],
  ["a setting given twice", `BACKUP_NICE=1\n${ALERT}BACKUP_NICE=2\n`],
  ["two names that differ", `MONGO_URI=mongodb://a\nMONGODB_URI=mongodb://b\n${ALERT}`],
  ["limits that contradict each other", `DISK_WARN_FREE=1GB\n${ALERT}`],
  ["a quote that is never closed", `${ALERT}MONGODB_PASSWORD='abc\n`],
  ["a quote that ends at the alert", `MONGODB_PASSWORD="abc\n${ALERT}`],
  ["a malformed URI", `MONGODB_URI=http://x\n${ALERT}`],
  ["Latin-1", Buffer.from(`BACKUP_DIR='/srv/Datensätze'\n${ALERT}RETENTION_DAILY=x\n`, "latin1")],
  ["UTF-16", Buffer.from(`\ufeff${ALERT}BACKUP_NICE=x\n`, "utf16le")],
  ["a file that is too large", `${ALERT}#${"x".repeat(1 << 20)}`],
  ["another alert that is malformed", `ALERT_WEBHOOK_URL=nowhere\n${ALERT}`],
  ["another alert that is cut", `ALERT_WEBHOOK_URL=https://x/y#z\n${ALERT}`],
] as const) {
  test(`whatever is wrong in a .env, the alert in it is found: ${what}`, async () => {
    assert.equal(await commandOf(text), COMMAND);
  });
}

test("an alert that is wrong itself is not used, and the other is", async () => {
  const both = "ALERT_COMMAND=mail#5\nALERT_WEBHOOK_URL=https://hooks.example.org/abc\n";
  assert.equal(await commandOf(`${both}BACKUP_DIRR=/srv\n`), "https://hooks.example.org/abc");
  assert.equal(await commandOf("ALERT_COMMAND='mail\n"), null);
});

test("the environment's alert wins, and an empty one silences the file's", async () => {
  const wrong = `${ALERT}BACKUP_NICE=x\n`;
  assert.equal(await commandOf(wrong, { ALERT_COMMAND: "page ops" }), "page ops");
  assert.equal(await commandOf(wrong, { ALERT_COMMAND: "" }), null);
});

test("without a file, or a folder to look in, the environment's alert is used", async () => {
  const env = { ALERT_COMMAND: COMMAND };
  for (const source of [
    { envFile: "missing.env", cwd: folder, env },
    { envFile: folder, cwd: folder, env },
    { envFile: undefined, cwd: null, env },
  ]) {
    assert.equal((await readAlertSettings(source)).alertCommand?.reveal(), COMMAND);
  }
});
