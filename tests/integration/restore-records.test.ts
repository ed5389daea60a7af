// What lies in a backup folder beside the backups is read with distrust: records of restores, reports of drills, the
// lock, markers in the database. Whatever stands there, every command ends as the contract says, and says why.
import assert from "node:assert/strict";
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { FreshDatabase } from "../support/fresh-database.ts";
import { requires } from "../support/requires.ts";
import { workspace } from "../support/workspace.ts";
import type { Workspace } from "../support/workspace.ts";

const RS = { topology: "replicaSet" } as const;
const CONTRACTED: readonly unknown[] = [0, 1, 2, 3, 4, 5, 6, 7, 8];

const rows = (n: number, v: string) =>
  Array.from({ length: n }, (_, i) => ({ _id: i as never, v }));

const valuesOf = async ({ db }: FreshDatabase, name = "a") =>
  (await db.collection(name).distinct("v")).sort();

/** A restore of "old" over "new", by its id, and the backup. */
async function restored(t: TestContext, fresh: FreshDatabase) {
  const place = await workspace(t, { MONGODB_URI: fresh.uri });
  await fresh.db.collection("a").insertMany(rows(5, "old"));
  const backup = (await place.run(["backup", "--manual", "--json"])).json().id as string;
  await fresh.db.collection("a").updateMany({}, { $set: { v: "new" } });
  const run = await place.run(["restore", "latest", "--confirm", "--json"]);
  assert.equal(run.code, 0, run.stdout + run.stderr);
  return { place, backup, result: run.json(), id: run.json().restoreId as string };
}

const wrong: Readonly<Record<string, string | Buffer | null>> = {
  empty: "",
  null: "null",
  list: "[]",
  object: "{}",
  types: '{"schema":"1","id":7,"plan":[],"ok":1,"startedAt":3,"backup":"x","restore":1}',
  newer: '{"schema":9,"id":"x"}',
  binary: Buffer.from([0, 0xff, 0xfe, 0x80, 0x0a, 1]),
  folder: null,
};

async function put(path: string, what: string | Buffer | null): Promise<void> {
  await rm(path, { recursive: true, force: true });
  if (what === null) await mkdir(path);
  else await writeFile(path, what);
}

/** Beside the real restore one older record for each file and each thing that may stand in its place. */
async function spoil(place: Workspace, id: string): Promise<string[]> {
  const ids: string[] = [];
  const restores = join(place.backupDir, "restores");
  const plan = await readFile(join(restores, id, "plan.json"), "utf8");
  for (const file of ["plan.json", "journal.jsonl", "swap.json"])
    for (const what of Object.values(wrong)) {
      const other = `2001-01-01_00-00-${String(ids.length).padStart(2, "0")}`;
      await cp(join(restores, id), join(restores, other), { recursive: true });
      await writeFile(join(restores, other, "plan.json"), plan.replaceAll(id, other));
      await put(join(restores, other, file), what);
      ids.push(other);
    }
  const drills = join(place.backupDir, "drills");
  await mkdir(drills);
  for (const [n, what] of Object.values(wrong).entries()) {
    const drill = join(drills, `2001-01-01_00-00-0${n}`);
    await mkdir(drill);
    await put(join(drill, "report.json"), what);
  }
  await writeFile(join(drills, "2001-01-01_00-01-00"), "a file");
  return ids;
}

requires(
  RS,
  "no command takes what stands in the place of a record for a fault of its own",
  async (t, fresh) => {
    const { place, backup, id } = await restored(t, fresh);
    const ids = await spoil(place, id);
    // Markers of another shape mark nothing.
    const markers = fresh.db.collection("__mongokeep_restores");
    await markers.insertMany([
      { _id: 5 as never, restore: 7 },
      { _id: "__mongokeep_x" as never, restore: id, role: ["aside"], namespace: 3 },
    ]);
    for (const args of [
      ["list"],
      ["show", backup],
      ["status"],
      ["cleanup"],
      ["verify", backup],
      ["doctor"],
      ["delete", backup],
      ["restore", backup],
      ["restore", "--resume"],
      ["restore", "--drop-aside"],
      ["rollback", ids[0] ?? ""],
      ["restore", "--resume", ids[8] ?? ""],
      ["restore", "--drop-aside", ids[16] ?? ""],
      ["backup"],
    ]) {
      const run = await place.run([...args, "--json"]);
      const shown = `${args.join(" ")}: ${run.stdout}${run.stderr}`;
      assert.ok(CONTRACTED.includes(run.code), shown);
      assert.doesNotMatch(run.stdout + run.stderr, /"internal"|code=internal/, shown);
      if (args.length === 1) assert.match(run.stdout + run.stderr, /plan\.json/, shown);
    }
    // What is whole can still be undone: it is the newest, and the broken ones are older.
    const back = await place.run(["rollback", "--confirm", "--json"]);
    assert.equal(back.code, 0, back.stdout + back.stderr);
    assert.deepEqual(await valuesOf(fresh), ["new"]);
  },
);

requires(
  RS,
  "a record that cannot be read keeps what it may need, and names its file and the way back",
  async (t, fresh) => {
    const { place, backup, id, result } = await restored(t, fresh);
    const path = join(place.backupDir, "restores", id);
    const plan = JSON.parse(await readFile(join(path, "plan.json"), "utf8")) as object;
    await writeFile(join(path, "plan.json"), JSON.stringify({ ...plan, schema: 2 }));
    // As if it had died.
    const journal = await readFile(join(path, "journal.jsonl"), "utf8");
    const open = journal.split("\n").filter((line) => !line.includes('"step":"end"'));
    await writeFile(join(path, "journal.jsonl"), open.join("\n"));
    for (const args of [["rollback"], ["rollback", id], ["restore", "--resume"]]) {
      const run = await place.run([...args, "--confirm", "--json"]);
      assert.equal(run.code, 1, run.stdout + run.stderr);
      const { message, hint } = run.json().error as { message: string; hint: string };
      assert.ok(message.includes(join(path, "plan.json")), message);
      assert.match(message, /newer mongokeep \(schema 2\)/);
      assert.ok(hint.includes(`mongokeep restore ${result.preRestoreBackup as string}`), hint);
    }
    assert.deepEqual(await valuesOf(fresh), ["old"]);
    for (const needed of [backup, result.preRestoreBackup as string]) {
      const run = await place.run(["delete", needed, "--confirm", "--json"]);
      assert.equal(run.code, 2, run.stdout + run.stderr);
      const { message, hint } = run.json().error as { message: string; hint: string };
      assert.match(message, /cannot be read, and may need it/);
      assert.ok(hint.includes(`Repair ${join(path, "plan.json")}`), hint);
      assert.ok(hint.includes(`move its folder ${path} to`), hint);
    }
    const dropped = await place.run(["restore", "--drop-aside", "--confirm", "--json"]);
    assert.deepEqual(dropped.json().dropAside, []);
    const status = (await place.run(["status", "--json"])).json();
    assert.ok(status.problems.some((one: { code: string }) => one.code === "restore-unreadable"));
    // What the hint says is enough.
    await rename(path, place.at("elsewhere"));
    const gone = await place.run(["delete", backup, "--confirm", "--json"]);
    assert.equal(gone.code, 0, gone.stdout + gone.stderr);
  },
);

const BROKEN_LOCKS = Object.entries(wrong).filter(([, what]) => what !== null);

requires(RS, "a lock that says nothing is somebody's, whatever is in it", async (t, fresh) => {
  const place = await workspace(t, { MONGODB_URI: fresh.uri });
  await fresh.db.collection("a").insertMany(rows(5, "old"));
  assert.equal((await place.run(["backup", "--manual", "--json"])).code, 0);
  for (const [what, content] of BROKEN_LOCKS.slice(0, 4)) {
    await put(join(place.backupDir, ".lock"), content);
    const run = await place.run(["cleanup", "--json"]);
    assert.equal(run.code, 4, `${what}: ${run.stdout}${run.stderr}`);
  }
});

interface Failing {
  readonly why: string;
  readonly code: number;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly before?: (place: Workspace, backup: string) => Promise<void>;
}

const FAILING: readonly Failing[] = [
  { why: "no such backup", code: 2, args: ["latset"] },
  {
    why: "no server",
    code: 6,
    env: { MONGODB_URI: "mongodb://127.0.0.1:1/x?serverSelectionTimeoutMS=200" },
  },
  { why: "nothing to resume", code: 2, args: ["--resume"] },
  { why: "a service that is not there", code: 2, env: { SERVICE_NAME: "mongokeep-no-such-unit" } },
  {
    why: "a service that does not stop",
    code: 1,
    env: { SERVICE_STOP: "false", SERVICE_START: "true" },
  },
  {
    why: "a service that does not come up",
    code: 7,
    env: { SERVICE_STOP: "true", SERVICE_START: "false" },
  },
  {
    why: "damage",
    code: 3,
    before: async (place, backup) => {
      const [folder = ""] = (await readdir(join(place.backupDir, backup))).filter(
        (n) => !n.endsWith(".json"),
      );
      await rm(join(place.backupDir, backup, folder), { recursive: true });
    },
  },
];

requires(
  RS,
  "`restore || rollback` undoes no earlier restore, whyever the restore fails",
  async (t, fresh) => {
    const { place, backup, id } = await restored(t, fresh);
    for (const { why, code, args, env = {}, before } of FAILING) {
      await before?.(place, backup);
      const restore = ["restore", ...(args ?? [backup]), "--confirm", "--json"];
      const run = await place.run(restore, { env });
      assert.equal(run.code, code, `${why}: ${run.stdout}${run.stderr}`);
      const back = await place.run(["rollback", "--confirm", "--json"]);
      assert.equal(back.code, 1, `${why}: ${back.stdout}${back.stderr}`);
      assert.match(back.json().error.message as string, /^there is nothing to undo: /, why);
      assert.ok((back.json().error.hint as string).endsWith(`mongokeep rollback ${id}`), why);
      assert.deepEqual(await valuesOf(fresh), ["old"], why);
    }
    const back = await place.run(["rollback", id, "--confirm", "--json"]);
    assert.equal(back.code, 0, back.stdout + back.stderr);
    assert.deepEqual(await valuesOf(fresh), ["new"]);
    // The rollback is the newest now: it is undone by its id only.
    const again = await place.run(["rollback", "--confirm", "--json"]);
    assert.equal(again.code, 1, again.stdout + again.stderr);
    assert.ok((again.json().error.hint as string).includes(back.json().restoreId as string));
    assert.deepEqual(await valuesOf(fresh), ["new"]);
  },
);
