// What a restore does where its record cannot be written, its server does not answer, or its data was between two states
// before it: the old state comes back as far as it can, and the service runs on whole data only.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { folderContext } from "../../../../tests/support/job-context.ts";
import { temporaryFolder } from "../../../../tests/support/temporary.ts";
import { KeepError } from "../../../errors.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { planRestore } from "../../../restore/plan/plan.ts";
import type { PlannedCollection } from "../../../restore/plan/plan.ts";
import { createRecord } from "../../../restore/record/record-file.ts";
import { readRecord } from "../../../restore/record/read-record.ts";
import type { JournalEntry, RestoreRecord } from "../../../restore/record/record.ts";
import type { Service } from "../../../service/service.ts";
import type { RestoreOrder } from "../plan/order.ts";
import { accounts } from "./accounts.ts";
import { cutover } from "./cutover.ts";
import { inPlace } from "./in-place.ts";
import { nothingFound } from "./phase.ts";
import type { Transaction } from "./phase.ts";
import { run, runBackwards } from "./transaction.ts";
import { undoFailed } from "./undo.ts";

const NOW = "2026-11-26T05:00:00Z";
const ID = "2026-11-26_05-00-00";
const PLAN = {
  ...planRestore({ backup: null, source: [], live: [], mode: "in-place" }),
  targetWasEmpty: false,
};
const full = () => new KeepError("backup-dir", "the disk is full");

/** A server without an oplog that is asked nothing else. */
const emptyServer = {
  client: { db: () => ({ command: () => Promise.resolve({}) }) },
} as unknown as Deployment;

type Given = Partial<
  Pick<RestoreOrder, "plan" | "startsBetween" | "leftStopped" | "skipPreBackup">
> & {
  readonly at?: Transaction["at"];
  readonly service?: Partial<Service>;
  /** Fails where this throws, before or after the line is written. */
  readonly refuse?: (entry: Omit<JournalEntry, "at">, is: "before" | "after") => void;
};

async function begin(t: TestContext, { plan = PLAN, ...given }: Given) {
  const root = await temporaryFolder(t);
  const calls: string[] = [];
  const call = (name: string) => () => {
    calls.push(name);
    return Promise.resolve();
  };
  const service: Service = {
    ...{ name: "svc", startHint: "start svc", stop: call("stop"), start: call("start") },
    ...{ assertExists: () => Promise.resolve(), check: () => Promise.resolve() },
    ...{ cameBack: () => Promise.resolve(false), problem: () => Promise.resolve(null) },
    state: () => Promise.resolve({ is: "running" }),
    ...given.service,
  };
  const context = { ...folderContext(root, NOW), service };
  const recorded = { schema: 1, id: ID, createdAt: NOW, rollbackOf: null, plan } as const;
  const real = await createRecord(root, recorded, context.clock);
  t.after(() => real.close());
  const { refuse = () => undefined } = given;
  const record: RestoreRecord = {
    ...real,
    journal: async (entry) => {
      refuse(entry, "before");
      await real.journal(entry);
      refuse(entry, "after");
    },
  };
  const { startsBetween = false, leftStopped = false, skipPreBackup = true, at = "start" } = given;
  const order: RestoreOrder = {
    ...{ backup: null, plan, rollbackOf: null, skipPreBackup, useService: true },
    ...{ protectOnly: null, startsBetween, leftStopped },
  };
  const found = nothingFound();
  const restore: Transaction = {
    ...{ context, deployment: emptyServer, record, order, at, found },
  };
  const lines = async () =>
    (await readFile(join(record.path, "journal.jsonl"), "utf8")).split("\n");
  const stored = () => readRecord(root, ID);
  return { restore, calls, lines, stored, events: context.events };
}

test("a disk that is full right after the service stopped does not keep it stopped", async (t) => {
  let isFull = false;
  const { restore, calls } = await begin(t, {
    refuse: ({ step, state }) => {
      isFull ||= step === "stop-service" && state === "done";
      if (isFull) throw full();
    },
  });
  await assert.rejects(run(restore), /the disk is full/);
  assert.deepEqual(calls, ["stop", "start"]);
});

test("a service of which nobody knows whether it runs is not started on data between two states", async (t) => {
  for (const at of ["broken", "untouched"] as const) {
    const { restore, calls } = await begin(t, {
      ...{ at, leftStopped: true },
      service: {
        state: () => Promise.resolve({ is: "unknown", because: "it has no status" }),
        stop: () => Promise.reject(new KeepError("interrupted", "interrupted by Ctrl-C")),
      },
    });
    const signal = AbortSignal.abort(new KeepError("interrupted", "interrupted by Ctrl-C"));
    const interrupted = { ...restore, context: { ...restore.context, signal } };
    await assert.rejects(runBackwards(interrupted), /Ctrl-C/);
    assert.deepEqual(calls, at === "broken" ? [] : ["start"], at);
  }
});

test("a rollback of a restore that broke starts the service only when it has succeeded", async (t) => {
  const stopped = { state: () => Promise.resolve({ is: "stopped" } as const) };
  const broken = { startsBetween: true, leftStopped: true, service: stopped };
  for (const [step, code] of [
    ["protect", "backup-dir"],
    ["live-change", "restore-undone"],
  ] as const) {
    const failing = await begin(t, {
      ...{ ...broken, skipPreBackup: step !== "protect" },
      refuse: (entry) => {
        if (entry.step === step) throw full();
      },
    });
    await assert.rejects(run(failing.restore), { code });
    assert.deepEqual(failing.calls, [], `${step}: what is live is between two states still`);
    assert.ok(failing.events.some((e) => "code" in e && e.code === "service-stays-stopped"));
  }
  const killed = await begin(t, { ...broken, at: "untouched" });
  await runBackwards(killed.restore);
  assert.deepEqual(killed.calls, [], "one that was killed is cleared away, and no more");
  const whole = await begin(t, broken);
  await run(whole.restore);
  assert.deepEqual(whole.calls, ["start"]);
});

test("a first change that the record may tell of is undone, whether or not the line was flushed", async (t) => {
  for (const when of ["before", "after"] as const) {
    const { restore, stored, calls } = await begin(t, {
      refuse: ({ step, state }, is) => {
        if (step === "live-change" && state === "begin" && is === when) throw full();
      },
    });
    await assert.rejects(run(restore), { code: "restore-undone" });
    assert.equal((await stored())?.state, when === "after" ? "undone" : "untouched");
    assert.deepEqual(calls, ["stop", "start"]);
  }
});

const seriesOf = (name: string) =>
  ({ namespace: `x.${name}`, database: "x", name, source: { database: "x", name }, type: "timeseries", action: "create", way: "in-place", documents: 1, rawBytes: 1, indexes: 1, contentHash: null, newestId: null, liveDocuments: null, live: null }) as PlannedCollection; // prettier-ignore

test("an undo renames back first, and goes on after a connection that was lost", async (t) => {
  const plan = { ...PLAN, mode: "staged", collections: [seriesOf("ts")] } as const;
  const { restore } = await begin(t, { plan });
  await restore.record.journal({ step: "live-change", state: "begin" });
  await restore.record.journal({ step: "create", state: "begin", namespace: "x.ts" });
  restore.found.isLive = true;
  restore.found.items = [{ database: "x", name: "a", old: { kind: "none" }, new: { kind: "collection", uuid: "u", parked: "p" } }]; // prettier-ignore
  const tried: string[] = [];
  const lost = ["lost while renaming", "lost while loading"];
  const connect = () => {
    tried.push("connect");
    return Promise.reject(new KeepError("unreachable", lost[tried.length - 1] ?? "lost later"));
  };
  const order: string[] = [];
  for (const [name, phase] of Object.entries({ accounts, inPlace, cutover })) {
    const undo = phase.undo.bind(phase);
    t.mock.method(phase, "undo", (given: Transaction) => {
      order.push(name);
      return undo(given);
    });
  }
  const context = { ...restore.context, connect };
  await assert.rejects(undoFailed({ ...restore, context }, new KeepError("failed", "its cause")), {
    code: "restore-broken",
    message: /lost while renaming; lost while loading$/,
  });
  assert.deepEqual(order, ["cutover", "inPlace", "accounts"]);
});

test("an undo disposes of what was still loading, and brings back no accounts that were not merged", async (t) => {
  const plan = { ...PLAN, usersOf: ["x"] };
  const { restore } = await begin(t, { plan });
  const order: string[] = [];
  const { found } = restore;
  found.safetyBackup = "2026-11-26_04-59-00";
  found.ready = {
    apply: () => Promise.reject(new Error("not asked for")),
    [Symbol.dispose]: () => order.push("disposed"),
  };
  found.items = [
    { database: "x", name: "a", old: { kind: "none" }, new: { kind: "none" } },
  ] as never;
  const connect = () => {
    order.push("connect");
    return Promise.reject(new KeepError("unreachable", "lost"));
  };
  const context = { ...restore.context, connect };
  const cause = new KeepError("failed", "its cause");
  await assert.rejects(undoFailed({ ...restore, context }, cause), { message: /: lost$/ });
  assert.deepEqual(order, ["disposed", "connect"]);
});
