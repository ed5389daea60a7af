// Records as a newer version, a crash, a full disk or a hand may leave them: read with distrust, and never a fault.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { planRestore } from "../plan/plan.ts";
import { createRecord } from "./record-file.ts";
import type { RecordedPlan } from "./record.ts";
import { listRecords, readRecord, readRecords } from "./read-record.ts";
import { mayBeOpen } from "./record-state.ts";

const clock = { now: () => Date.UTC(2026, 10, 23, 2) };
const ID = "2026-11-03_02-00-00";
const NEIGHBOUR = "2026-11-02_02-00-00";
const BACKUP = "2026-11-01_02-00-00";
const SAFETY = "2026-11-03_01-59-59";

const planOf = (id: string): RecordedPlan => ({
  ...{ schema: 1, id, createdAt: "2026-11-23T02:00:00.000Z", rollbackOf: null },
  plan: planRestore({
    backup: BACKUP,
    mode: "staged",
    source: [
      {
        ...{ database: "surg", name: "patients", type: "collection", documents: 3, rawBytes: 300 },
        ...{ contentHash: "ab", indexes: 1, newestId: null },
      },
    ],
    live: [
      {
        ...{ database: "surg", name: "patients", type: "collection", documents: 2, bytes: 200 },
        ...{ diskBytes: 4096, indexes: 1, newestId: "2026-11-02T00:00:00.000Z" },
      },
    ],
    oplog: {
      ...{ from: { t: 1, i: 1 }, to: null, removes: [] },
      passing: [{ source: { database: "surg", name: "x" }, type: "view", database: "surg" }],
    },
  }),
  request: {
    ...{ backup: BACKUP, rename: [["a", "b"]], renameNamespaces: [], only: null, exclude: [] },
    ...{ exact: false, inPlace: false, expiry: true, forceVersion: false, skipPreBackup: false },
    ...{ useService: true, engine: "native" },
  },
});

/** A root with one whole record beside the one that a test breaks. */
async function records(t: TestContext, ...ids: string[]) {
  const root = await mkdtemp(join(tmpdir(), "mk-record-"));
  t.after(() => rm(root, { recursive: true }));
  for (const id of [NEIGHBOUR, ...ids]) {
    const record = await createRecord(root, planOf(id), clock);
    await record.journal({ step: "verify", state: "done" });
    await record.journal({ step: "protect", state: "done", backup: SAFETY });
    await record.writeSwap([
      {
        ...{ database: "surg", name: "patients" },
        old: { kind: "none" },
        new: { kind: "collection", uuid: "u", parked: "__p" },
      },
    ]);
    await record.journal({ step: "live-change", state: "begin", time: { t: 1, i: 2 } });
    await record.close();
  }
  return { root, at: (file: string) => join(root, "restores", ID, file) };
}

/** Each with the file's text as it was. */
const REPLACED: Record<string, (path: string) => Promise<void>> = {
  empty: (path) => writeFile(path, ""),
  null: (path) => writeFile(path, "null"),
  "a list": (path) => writeFile(path, "[]"),
  "a list of nothing": (path) => writeFile(path, "[null, 1]"),
  "an object": (path) => writeFile(path, "{}"),
  "a number": (path) => writeFile(path, "7"),
  "half of it": async (path) => {
    const text = await readFile(path, "utf8");
    await writeFile(path, text.slice(0, text.length / 2));
  },
  "another encoding": (path) => writeFile(path, Buffer.from([0xff, 0xfe, 0, 0x80, 0x0a, 0xc3])),
  "brackets without end": (path) => writeFile(path, "[".repeat(200_000)),
  "a folder": async (path) => {
    await rm(path);
    await mkdir(path);
  },
  "a link": async (path) => {
    await rm(path);
    await symlink("/etc/passwd", path);
  },
  "a FIFO": async (path) => {
    await rm(path);
    execFileSync("mkfifo", [path]);
  },
};

/** What a file may hold in part: then it is a record still. */
const READABLE = new Set(["journal.jsonl half of it", "swap.json a list"]);

test("a file of a record that holds anything else blocks that record alone, and is named", async (t) => {
  for (const file of ["plan.json", "journal.jsonl", "swap.json"])
    for (const [what, replace] of Object.entries(REPLACED)) {
      const { root, at } = await records(t, ID);
      await replace(at(file));
      const shown = `${file} ${what}`;
      const { records: whole, unreadable } = await readRecords(root);
      assert.ok(
        whole.some(({ id }) => id === NEIGHBOUR),
        shown,
      );
      if (READABLE.has(shown)) {
        assert.equal(whole.length, 2, shown);
        continue;
      }
      assert.deepEqual(
        unreadable.map((one) => [one.id, one.file]),
        [[ID, at(file)]],
        shown,
      );
      await assert.rejects(readRecord(root, ID), { code: "failed" }, shown);
      const [one] = unreadable;
      assert.ok(one);
      assert.ok(mayBeOpen(one), `${shown}: its journal says so, or nobody knows`);
      const isGone = file === "plan.json" && !["null", "a list", "a list of nothing", "an object", "a number"].includes(what); // prettier-ignore
      if (isGone) assert.equal(one.backups, null, shown);
    }
});

test("what may not be read belongs to somebody else, and blocks that record alone", async (t) => {
  if (process.getuid?.() === 0) {
    t.skip("the superuser may read everything");
    return;
  }
  const { root, at } = await records(t, ID);
  await chmod(at("plan.json"), 0);
  const { unreadable } = await readRecords(root);
  assert.match(unreadable[0]?.problem ?? "", /may not be read/);
});

/** Every place of a value in JSON, as a list of keys. */
function placesIn(value: unknown, at: readonly string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return [[...at]];
  const inner = Object.entries(value).flatMap(([key, one]) => placesIn(one, [...at, key]));
  return at.length === 0 ? inner : [[...at], ...inner];
}

function replacedAt(value: unknown, [key = "", ...rest]: readonly string[], by: unknown): unknown {
  const copy = Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) };
  const fields = copy as Record<string, unknown>;
  fields[key] = rest.length === 0 ? by : replacedAt(fields[key], rest, by);
  return copy;
}

test("a field of any other type never passes for what it should be", async (t) => {
  const { root, at } = await records(t, ID);
  for (const file of ["plan.json", "swap.json"]) {
    const text = await readFile(at(file), "utf8");
    const value = JSON.parse(text) as unknown;
    for (const place of placesIn(value))
      for (const by of [true, -1.5, "text", [[]], { a: 1 }]) {
        const before = place.reduce<unknown>((v, key) => (v as Record<string, unknown>)[key], value); // prettier-ignore
        // Of the same type it may be as good.
        if (before === null || typeof before === typeof by) continue;
        await writeFile(at(file), JSON.stringify(replacedAt(value, place, by)));
        const shown = `${file} ${place.join(".")} ${JSON.stringify(by)}`;
        const { unreadable } = await readRecords(root);
        assert.equal(unreadable.length, 1, shown);
        assert.equal(unreadable[0]?.file, at(file), shown);
      }
    await writeFile(at(file), text);
  }
});

test("a plan of a newer version says so, and the backups that it names are known", async (t) => {
  const { root, at } = await records(t, ID);
  const plan = JSON.parse(await readFile(at("plan.json"), "utf8")) as object;
  await writeFile(at("plan.json"), JSON.stringify({ ...plan, schema: 2, more: true }));
  const [one] = (await readRecords(root)).unreadable;
  assert.equal(one?.problem, "was written by a newer mongokeep (schema 2)");
  assert.deepEqual([...(one.backups ?? [])].sort(), [BACKUP, SAFETY].sort());
  await assert.rejects(readRecord(root, ID), (error: { hint?: string }) =>
    Boolean(error.hint?.includes(`mongokeep restore ${SAFETY}`)),
  );
  await writeFile(at("plan.json"), JSON.stringify({ ...plan, more: true }));
  assert.equal((await listRecords(root)).length, 2, "fields that are added to the same schema");
});

test("a backup that has the id of the restore is among those that an unreadable plan names", async (t) => {
  const { root, at } = await records(t, ID);
  const plan = JSON.parse(await readFile(at("plan.json"), "utf8")) as { plan: object };
  const changed = { ...plan, schema: 2, plan: { ...plan.plan, backup: ID } };
  await writeFile(at("plan.json"), JSON.stringify(changed));
  assert.ok((await readRecords(root)).unreadable[0]?.backups?.includes(ID));
});

test("a plan of another restore is not taken for this one's", async (t) => {
  const { root, at } = await records(t, ID);
  await writeFile(at("plan.json"), JSON.stringify(planOf(NEIGHBOUR)));
  assert.match((await readRecords(root)).unreadable[0]?.problem ?? "", /another restore/);
});

test("unknown lines of a journal are passed over with their numbers, and one that was cut short without", async (t) => {
  const { root, at } = await records(t, ID);
  const text = await readFile(at("journal.jsonl"), "utf8");
  const line = { at: "2026-11-23T02:00:00.000Z", step: "cutover", state: "done" };
  const cut = '{"at":"2026-11-23T02:00:00.000Z","step":"li';
  await writeFile(at("journal.jsonl"), `${text}${JSON.stringify(line)}\n${cut}\n\0\0\0\n`);
  const { records: whole, passedOver } = await readRecords(root);
  assert.deepEqual(
    whole.map(({ state }) => state),
    ["broken", "broken"],
  );
  assert.equal(passedOver.length, 2, passedOver.join("\n"));
  assert.match(passedOver[0] ?? "", /line 4 is passed over: it is no record of a restore: step/);
  assert.match(passedOver[1] ?? "", /line 6/);
});

test("a folder without a whole plan and without a journal was never begun", async (t) => {
  const { root } = await records(t);
  await mkdir(join(root, "restores", ID));
  assert.equal(await readRecord(root, ID), null);
  await writeFile(join(root, "restores", ID, "plan.json"), '{"schema":1,');
  assert.equal(await readRecord(root, ID), null);
  assert.equal((await readRecords(root)).unreadable.length, 0);
});

test("a restore whose journal says that it is over is not open, also where its plan cannot be read", () => {
  const at = "2026-11-23T02:00:00.000Z";
  const change = [
    { at, step: "live-change", state: "begin" },
    { at, step: "live-change", state: "done" },
  ] as const;
  const end = { at, step: "end", state: "done" } as const;
  assert.equal(mayBeOpen({ entries: [...change, end] }), false);
  assert.equal(mayBeOpen({ entries: change }), true);
  assert.equal(mayBeOpen({ entries: null }), true);
  assert.equal(mayBeOpen({ entries: [{ ...end, state: "failed" }] }), false);
});
