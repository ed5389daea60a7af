// The record of a restore on a real disk: what is written is read again, whatever a crash or a stranger left there.
import assert from "node:assert/strict";
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile, open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { KeepError } from "../../errors.ts";
import type { KeepEvent } from "../../events.ts";
import { findRestore, listRecords, readRecord } from "./read-record.ts";
import { bestEffort, createRecord, reopenLeniently, reopenRecord } from "./record-file.ts";
import {
  wasInterruptedUntouched,
  hasEnded,
  isBetween,
  leftStopped,
  openRestores,
  neededBy,
  protectedBy,
  settle,
  stateOf,
} from "./record-state.ts";
import type { JournalEntry, RecordedPlan, RestoreRecord, StoredRecord } from "./record.ts";
import type { SwapItem } from "../swap/swap-plan.ts";
import { planRestore } from "../plan/plan.ts";
import { step } from "./step.ts";
import type { RestoreContext } from "../restore-context.ts";

const clock = { now: () => Date.UTC(2026, 10, 23, 2) };
const id = (day: number) => `2026-11-0${day}_02-00-00`;

const planOf = (day: number, rollbackOf: string | null = null): RecordedPlan => ({
  ...{ schema: 1, id: id(day), createdAt: "2026-11-23T02:00:00.000Z", rollbackOf },
  plan: planRestore({ backup: id(day), source: [], live: [] }),
});

const SWAP: SwapItem[] = [
  {
    ...{ database: "surg", name: "patients" },
    old: { kind: "collection", uuid: "u1", parked: "__old" },
    new: { kind: "collection", uuid: "u2", parked: "__new" },
  },
  { ...{ database: "surg", name: "v" }, old: { kind: "none" }, new: { kind: "view", options: "" } },
];
const CHANGED = [
  { step: "live-change", state: "begin" },
  { step: "swap", state: "begin" },
] as const;

async function recorded(root: string, day: number, rollbackOf: string | null = null) {
  const record = await createRecord(root, planOf(day, rollbackOf), clock);
  await record.writeSwap(SWAP);
  for (const entry of CHANGED) await record.journal(entry);
  return record;
}

async function finish(record: RestoreRecord): Promise<void> {
  await record.journal({ step: "live-change", state: "done" });
  await record.journal({ step: "end", state: "done" });
  await record.close();
}

async function root(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "mk-record-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

test("what is recorded is read again: the plan, each step, and what is swapped", async (t) => {
  const at = await root(t);
  const record = await recorded(at, 1);
  await record.note({ step: "swap", state: "done", namespace: "surg.patients" });
  await record.log("first\nline", ["more"]);
  await record.close();
  const stored = await readRecord(at, id(1));
  assert.deepEqual(stored?.recorded, planOf(1));
  assert.deepEqual(stored.swap, SWAP);
  assert.deepEqual(stored.entries.map((e) => `${e.step} ${e.state} ${e.namespace ?? ""}`.trim()), ["live-change begin", "swap begin", "swap done surg.patients"]); // prettier-ignore
  assert.equal(stored.state, "broken");
  const log = (await readFile(join(stored.path, "restore.log"), "utf8")).split("\n");
  assert.deepEqual(
    [log.length, log[1]],
    [3, "    more"],
    "nothing in a line looks like another line",
  );
  await assert.rejects(createRecord(at, planOf(1), clock), "an id is taken once");
});

test("a journal that a crash cut short goes on in a new line, and no step is lost", async (t) => {
  const at = await root(t);
  const record = await recorded(at, 1);
  await record.close();
  const path = join(record.path, "journal.jsonl");
  await appendFile(path, '{"at":"2026-11-23T02:00:00.000Z","step":"sw');
  const stored = await readRecord(at, id(1));
  assert.ok(stored);
  assert.equal(stored.entries.length, CHANGED.length);
  await finish(await reopenRecord(stored, clock));
  assert.equal((await readRecord(at, id(1)))?.state, "finished");
});

test("a record that was never begun, or whose files are no text of ours, is none", async (t) => {
  const at = await root(t);
  assert.deepEqual(await listRecords(at), []);
  assert.equal(await readRecord(at, id(1)), null);
  await mkdir(join(at, "restores", id(1)), { recursive: true });
  assert.equal(await readRecord(at, id(1)), null, "no plan");
  await writeFile(join(at, "restores", id(1), "plan.json"), '{"schema":1,');
  assert.equal(await readRecord(at, id(1)), null, "a plan that was cut short");
  await writeFile(join(at, "restores", id(2)), "a file");
  assert.deepEqual(await listRecords(at), []);
  await assert.rejects(readRecord(at, "../../etc"), { code: "usage" });
  await writeFile(join(at, "restores", id(1), "plan.json"), JSON.stringify(planOf(1)));
  assert.deepEqual((await readRecord(at, id(1)))?.entries, [], "a plan without a journal");
});

test("a rollback that finished settles what it took back, and the tries before it", async (t) => {
  const at = await root(t);
  await finish(await recorded(at, 1));
  await (await recorded(at, 2, id(1))).close();
  await finish(await recorded(at, 3, id(1)));
  const found = await listRecords(at);
  assert.deepEqual(found.map((r) => [r.id, r.state]), [[id(3), "finished"], [id(2), "rolled-back"], [id(1), "rolled-back"]]); // prettier-ignore
  assert.equal((await findRestore(at, id(1)))?.state, "rolled-back");
  assert.equal(await findRestore(at, id(9)), null);
  const [last] = found;
  assert.ok(last);
  const again = { ...last, id: id(4), recorded: planOf(4, id(3)) };
  const [, third, , first] = settle([again, ...(await Promise.all([3, 2, 1].map((day) => readRecord(at, id(day))))).filter((r) => r !== null)]); // prettier-ignore
  assert.deepEqual([third?.state, first?.state], ["rolled-back", "finished"], "a rollback that was taken back counts for nothing"); // prettier-ignore
});

test("what a restore between two states needs is named, and of one that is over nothing", async (t) => {
  const at = await root(t);
  const record = await recorded(at, 1);
  assert.deepEqual([...neededBy(await listRecords(at))], ["surg.__old", "surg.__new"]);
  await finish(record);
  assert.deepEqual([...neededBy(await listRecords(at))], []);
  const bare = { state: "broken", swap: null } as StoredRecord;
  assert.equal(isBetween(bare), true);
  assert.deepEqual([...neededBy([bare])], []);
});

test("the journal tells of the service, of the backup before, and of an end", () => {
  const entry = (more: Partial<JournalEntry>) =>
    ({ at: "", state: "done", ...more }) as JournalEntry;
  const stop = entry({ step: "stop-service", state: "begin" });
  const start = entry({ step: "start-service" });
  assert.deepEqual([leftStopped([]), leftStopped([stop]), leftStopped([stop, start])], [false, true, false]); // prettier-ignore
  assert.equal(leftStopped([stop, entry({ step: "start-service", state: "failed" })]), true);
  const protects = [entry({ step: "protect", backup: "a" }), entry({ step: "protect", backup: "b", scope: "in-place" })]; // prettier-ignore
  assert.deepEqual([protectedBy(protects), protectedBy(protects, "in-place")], ["a", "b"]);
  assert.equal(protectedBy([entry({ step: "protect", backup: null })]), null);
  assert.equal(protectedBy([]), null);
  const end = entry({ step: "end", state: "failed" });
  assert.deepEqual([hasEnded([stop]), hasEnded([stop, end])], [false, true]);
  const untouched = { state: stateOf([stop]), entries: [stop] } as unknown as StoredRecord;
  assert.equal(wasInterruptedUntouched(untouched), true);
  assert.equal(wasInterruptedUntouched({ ...untouched, entries: [stop, end] }), false);
  assert.equal(wasInterruptedUntouched({ ...untouched, state: "broken" }), false);
});

test("a folder in the place of the journal is refused by name, and what the disk refuses is the disk's", async (t) => {
  const at = await root(t);
  const record = await recorded(at, 1);
  await record.close();
  const stored = await readRecord(at, id(1));
  assert.ok(stored);
  await rm(join(record.path, "journal.jsonl"));
  await mkdir(join(record.path, "journal.jsonl"));
  await assert.rejects(reopenRecord(stored, clock), { code: "backup-dir" });
  await assert.rejects(readRecord(at, id(1)), { code: "failed", message: /is not a plain file/ });
  await rm(record.path, { recursive: true });
  await assert.rejects(reopenRecord(stored, clock), { code: "ENOENT" });
});

test("a record that cannot be opened for writing again keeps nobody from finishing or undoing the restore", async (t) => {
  const at = await root(t);
  const record = await recorded(at, 1);
  await record.close();
  const stored = await readRecord(at, id(1));
  assert.ok(stored);
  const reported: KeepEvent[] = [];
  const emit = (event: KeepEvent) => reported.push(event);
  const again = await reopenLeniently(stored, clock, emit);
  await again.journal({ step: "undo", state: "begin" });
  await again.close();
  assert.equal((await readRecord(at, id(1)))?.entries.at(-1)?.step, "undo");
  assert.equal(reported.length, 0);
  await rm(join(record.path, "journal.jsonl"));
  await mkdir(join(record.path, "journal.jsonl"));
  const unwritable = await reopenLeniently(stored, clock, emit);
  await unwritable.journal({ step: "undo", state: "done" });
  await unwritable.log("undone");
  await unwritable.close();
  assert.deepEqual([unwritable.id, unwritable.path], [stored.id, stored.path]);
  assert.deepEqual(
    reported.map((e) => "code" in e && e.code),
    ["record-not-written"],
  );
});

test("between two states a record that cannot be written is told once, and the restore goes on", async (t) => {
  const record = await recorded(await root(t), 1);
  const told: KeepEvent[] = [];
  const safe = bestEffort(record, (event) => told.push(event));
  await safe.journal({ step: "undo", state: "begin" });
  assert.equal(told.length, 0);
  await safe.close();
  await safe.journal({ step: "undo", state: "done" });
  await safe.note({ step: "undo", state: "done" });
  await safe.log("undone");
  await safe.close();
  await rm(record.path, { recursive: true });
  await safe.writeSwap(SWAP);
  assert.deepEqual(
    told.map((e) => "code" in e && e.code),
    ["record-not-written"],
  );
  const refuse = () => {
    // eslint-disable-next-line @typescript-eslint/only-throw-error -- what others throw may be no Error
    throw "text";
  };
  const strange = bestEffort({ ...record, log: refuse }, (event) => told.push(event));
  await strange.log("x");
  assert.match(JSON.stringify(told[1]), /cannot be written: text/);
});

async function entriesOf(at: string, act: (record: RestoreRecord) => Promise<void>) {
  const record = await createRecord(at, planOf(1), clock);
  await act(record);
  await record.close();
  const log = await readFile(join(record.path, "restore.log"), "utf8");
  return { log, entries: (await readRecord(at, id(1)))?.entries ?? [] };
}

const context = (signal = new AbortController().signal) => ({ signal }) as RestoreContext;

test("a step is on disk before it is done, and its facts behind it", async (t) => {
  const at = await root(t);
  const { entries, log } = await entriesOf(at, async (record) => {
    const act = async () => {
      assert.equal((await readRecord(at, id(1)))?.entries.at(-1)?.state, "begin");
      return 7;
    };
    const said = { words: (n: number) => `${n} documents`, facts: () => ({ backup: id(2) }) };
    const on = { name: "load", namespace: "a.b" } as const;
    assert.equal(await step({ record, context: context() }, on, act, said), 7);
    await step({ record, context: context() }, on, () => Promise.resolve());
  });
  assert.deepEqual(entries.map((e) => e.state), ["begin", "done", "begin", "done"]); // prettier-ignore
  assert.equal(entries[1]?.backup, id(2));
  assert.match(log, /load "a\.b" done: 7 documents, 0\.\d s\n.*load "a\.b" done: 0\.\d s\n/);
});

test("a step that fails is journalled with the name that people know, and thrown", async (t) => {
  const failure = new KeepError("server-error", "__new of a", {
    details: { index: "__new.x", ids: ["__new 1"], count: 3 },
  });
  const on = { name: "index", namespace: "a.b", target: { name: "__new" } } as const;
  const { entries, log } = await entriesOf(await root(t), async (record) => {
    const run = { record, context: context() };
    await assert.rejects(
      step(run, on, () => Promise.reject(failure)),
      (error: KeepError) => {
        assert.deepEqual(error.details, {
          index: "b.x",
          ids: ["b 1"],
          count: 3,
          stagedAs: "__new",
        });
        return error.message === "b of a";
      },
    );
    const live = { ...on, target: { name: "b" } };
    await assert.rejects(step(run, live, () => Promise.reject(failure)), (error) => error === failure); // prettier-ignore
    const other: unknown = "text";
    await assert.rejects(step(run, { name: "load", namespace: "a.c" }, () => Promise.reject(other as Error)), (error) => error === other); // prettier-ignore
    const ended = { record, context: context(AbortSignal.abort(new Error("Ctrl-C"))) };
    await assert.rejects(
      step(ended, on, () => Promise.resolve()),
      /Ctrl-C/,
    );
  });
  assert.deepEqual(entries.map((e) => [e.state, e.message]), [["begin", undefined], ["failed", "b of a"], ["begin", undefined], ["failed", "__new of a"], ["begin", undefined], ["failed", "text"]]); // prettier-ignore
  assert.match(log, /index "a\.b" FAILED: b of a\n/);
});

test("a line that a full disk cut short swallows none of those after it", async (t) => {
  const at = await root(t);
  const told: KeepEvent[] = [];
  const record = bestEffort(await recorded(at, 1), (event) => told.push(event));
  const probe = await open("/dev/null");
  const files = Object.getPrototypeOf(probe) as FileHandle;
  await probe.close();
  const { appendFile: whole } = files; // eslint-disable-line @typescript-eslint/unbound-method -- called with `apply`
  t.mock.method(files, "appendFile", async function (this: FileHandle, text: string) {
    await whole.apply(this, [text.slice(0, 60)]);
    throw new Error("ENOSPC: no space left on device, write");
  }, { times: 1 }); // prettier-ignore
  await record.journal({ step: "undo", state: "begin" });
  await record.journal({ step: "undo", state: "done" });
  await record.close();
  const stored = await readRecord(at, id(1));
  assert.equal(told.length, 1);
  assert.equal(stored?.entries.length, CHANGED.length + 1);
  assert.equal(stored.state, "undone");
});

test("a restore that was killed before it started its service is open until a later one has started it", () => {
  const entries = (...texts: string[]) =>
    texts.map((text) => {
      const [step, state] = text.split(" ");
      return { at: "", step, state } as JournalEntry;
    });
  const recordOf = (day: number, lines: JournalEntry[]) =>
    ({ id: id(day), path: "", recorded: planOf(day), swap: null, entries: lines, state: stateOf(lines) }) satisfies StoredRecord; // prettier-ignore
  const undone = ["stop-service begin", "live-change begin", "undo begin", "undo done"];
  const left = recordOf(1, entries(...undone));
  const ended = recordOf(2, entries("stop-service begin", "start-service done", "end failed"));
  assert.deepEqual(openRestores([left]), [left]);
  assert.deepEqual(openRestores([ended, left]), []);
  assert.deepEqual(openRestores([recordOf(2, entries("end failed")), left]), [left]);
  assert.deepEqual(openRestores([recordOf(1, entries(...undone, "end failed"))]), []);
  assert.deepEqual(openRestores([recordOf(1, entries(...undone, "start-service done"))]), []);
});
