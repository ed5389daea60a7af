// Hostile names of databases, collections, indexes, views and notes: they are restored unchanged, and no printed or
// logged line has a character that a terminal would interpret.
import assert from "node:assert/strict";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import type { Db } from "mongodb";
import { escapeText } from "../../src/report/escape.ts";
import { dbHash } from "../../tests/support/fidelity.ts";
import { uniqueName } from "../../tests/support/fresh-database.ts";
import { mongod } from "../../tests/support/servers.ts";
import { workspace } from "../../tests/support/workspace.ts";
import type { Workspace } from "../../tests/support/workspace.ts";
import { BUILT } from "../program/attack.ts";
import type { TortureCase } from "../runner/case.ts";
import type { Ground } from "../runner/ground.ts";
import { HOSTILE_TEXTS } from "../database/hostile-texts.ts";
import { runInProcess } from "../program/in-process.ts";

/** Controls, whatever turns text around or is not seen, and what would begin a line. */
const OBEYED = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
/** What the progress line itself does to the terminal. */
const CLEAR_LINE = "\r\u001b[2K";
const DATABASE_BYTES = 38;

interface Stage {
  readonly place: Workspace;
  readonly client: MongoClient;
  /** Runs mongokeep, checks all that it says, and gives that back. */
  readonly say: (args: readonly string[], expected: number) => Promise<string>;
}

export const hostileNames: TortureCase = {
  name: "hostile-names",
  fault: "40 hostile names of databases, collections, indexes, views, notes: backup to drill",
  holds: "equal by dbHash; no line of text or log has a control, bidi or invisible character",
  trials: { full: HOSTILE_TEXTS.length, quick: HOSTILE_TEXTS.length },
  async prepare(ground) {
    const stage = await prepareStage(ground);
    return {
      run: ({ number }) => trial(stage, HOSTILE_TEXTS[number % HOSTILE_TEXTS.length] ?? ""),
      end: () => drillAll(stage),
    };
  },
};

async function prepareStage(ground: Ground): Promise<Stage> {
  const uri = await ground.servers.live();
  const client = await new MongoClient(uri).connect();
  ground.after(() => client.close());
  const place = await workspace(ground, { MONGODB_URI: uri, MONGOD_BINARY: (await mongod()).path });
  const run = async (args: readonly string[]) => {
    if (ground.quick) return await runInProcess(args, place.at(".env"));
    return { ...(await place.run(args, BUILT)), progress: [] };
  };
  return {
    place,
    client,
    async say(args, expected) {
      const { code, stdout, stderr, progress } = await run(args);
      const shown = JSON.stringify({ args, stdout, stderr });
      assert.equal(code, expected, shown);
      for (const text of [stdout, stderr]) assertObeysNobody(text, shown);
      for (const line of progress) assertObeysNobody(line.replace(CLEAR_LINE, ""), shown);
      return stdout;
    },
  };
}

function assertObeysNobody(text: string, shown: string): void {
  for (const line of text.split("\n")) {
    const found = OBEYED.exec(line);
    if (found) assert.fail(`${JSON.stringify(found[0])} in ${JSON.stringify(line)}: ${shown}`);
  }
}

async function trial(stage: Stage, text: string): Promise<string> {
  const { client, place } = stage;
  const name = databaseName(text);
  const db = client.db(name);
  try {
    await fill(db, text);
    await thereAndBack(stage, db, text);
    await assertLogs(place);
    return "back and equal, all lines clean";
  } finally {
    await db.dropDatabase();
    await rm(place.backupDir, { recursive: true, force: true });
  }
}

/** The text as far as a database may have it, and something that no other has. */
function databaseName(text: string): string {
  const allowed = text.replace(/[/\\. "$\0]/g, "_");
  let cut = "";
  for (const character of allowed)
    if (Buffer.byteLength(cut + character) <= DATABASE_BYTES) cut += character;
  return `${cut}${uniqueName("")}`;
}

/** Collections that differ from each other by case and by normal form only, an index and a view. */
async function fill(db: Db, text: string): Promise<void> {
  const names = new Set([text, text.toUpperCase(), `é${text}`, `e\u0301${text}`]);
  for (const name of names) await db.collection(name).insertOne({ of: name, n: 1 });
  await db.collection(text).createIndexes([{ key: { n: 1 }, name: `by ${text}` }]);
  await db.createCollection(`v${text}`, { viewOn: text, pipeline: [{ $match: { n: 1 } }] });
}

async function thereAndBack({ say, client, place }: Stage, db: Db, text: string): Promise<void> {
  const { databaseName: name } = db;
  const truth = await dbHash(client, name);
  await say(["backup", "--manual", "--verbose", `--db=${name}`, `--note=${text}`], 0);
  const [id = ""] = await place.backupNames().then((all) => all.filter((one) => /^\d/.test(one)));
  await say(["list"], 0);
  assert.ok((await say(["show", id], 0)).includes(escapeText(text)), "the note is not shown");
  await say(["verify", id, "--verbose"], 0);
  await db.collection(text).insertOne({ of: "late", n: 2 });
  assert.ok(
    (await say(["diff", id], 0)).includes(escapeText(`${name}.${text}`)),
    "diff does not name it",
  );
  const extracted = await say(["extract", id, `--ns=${name}.${text}`], 0);
  assert.equal((JSON.parse(extracted) as { of: string }).of, text, "extract changed it");
  assert.ok(
    (await say(["restore", id], 0)).includes(escapeText(text)),
    "the plan does not name it",
  );
  await say(["restore", id, "--confirm", "--verbose"], 0);
  assert.deepEqual(await dbHash(client, name), truth, "not what was backed up");
  await say(["restore", "--drop-aside"], 0);
  await say(["restore", id, `--only=nothing.${text}`], 2);
  await say(["verify", `./${text}`], 2);
  await say(["cleanup", "--dry-run"], 0);
  await damage(join(place.backupDir, id));
  await say(["verify", id], 3);
  await say(["list"], 0);
}

/** A bit of every file in a database's folder. */
async function damage(backup: string): Promise<void> {
  for (const file of await readdir(backup, { recursive: true, withFileTypes: true })) {
    if (file.isDirectory() || file.parentPath === backup) continue;
    const path = join(file.parentPath, file.name);
    const bytes = await readFile(path);
    const middle = bytes.length >> 1;
    bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
    await writeFile(path, bytes);
  }
}

/** What is text and stays: people `cat` it. */
async function assertLogs({ backupDir }: Workspace): Promise<void> {
  let read = 0;
  for (const name of await readdir(join(backupDir, "restores"), { recursive: true })) {
    if (!name.endsWith(".log")) continue;
    const text = await readFile(join(backupDir, "restores", name), "utf8");
    assertObeysNobody(text, name);
    read++;
  }
  assert.ok(read > 0, "no restore.log was written");
}

/** All at once, restored into a server of its own, and reported as a page: once, for it takes a server's start. */
async function drillAll({ say, client, place }: Stage): Promise<void> {
  const db = client.db(uniqueName("drilled"));
  try {
    for (const text of HOSTILE_TEXTS) await db.collection(text).insertOne({ n: 1 });
    await say(["backup", "--manual", `--db=${db.databaseName}`], 0);
    const [id = ""] = (await place.backupNames()).filter((one) => /^\d/.test(one));
    await say(["drill", id], 0);
  } finally {
    await db.dropDatabase();
  }
  const drills = join(place.backupDir, "drills");
  for (const name of await readdir(drills, { recursive: true })) {
    if (!name.endsWith(".html")) continue;
    const page = await readFile(join(drills, name), "utf8");
    assertObeysNobody(page, name);
    assert.ok(page.includes("&lt;script&gt;"), "the page has not the names");
    assert.ok(!/<script|<img/i.test(page), "a name is markup in the page");
    return;
  }
  assert.fail("the drill wrote no page");
}
