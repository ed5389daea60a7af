import assert from "node:assert/strict";
import { mock, test } from "node:test";
import type { TestContext } from "node:test";
import { KeepError } from "../errors.ts";
import { watchSignals } from "./signals.ts";

/** A watch that no other test hears, and the errors that it ended the process with. */
function watched(t: TestContext) {
  const ended: KeepError[] = [];
  mock.timers.enable({ apis: ["setInterval"] });
  const before = new Map(["SIGINT", "SIGTERM", "SIGHUP"].map((n) => [n, process.listeners(n as "SIGINT")])); // prettier-ignore
  const watch = watchSignals((error) => ended.push(error));
  t.after(() => {
    mock.timers.reset();
    for (const [name, known] of before) {
      for (const one of process.listeners(name as "SIGINT")) if (!known.includes(one)) process.off(name, one); // prettier-ignore
    }
  });
  return {
    ...watch,
    codes: () => ended.map(({ code }) => code),
    send: (name: string) => process.emit(name as "SIGINT"),
    step: (step: string, state: "begin" | "end") => {
      watch.watch({ kind: "step", step, state });
    },
  };
}

for (const [name, code, exit] of [
  ["SIGINT", "interrupted", 130],
  ["SIGTERM", "terminated", 143],
  ["SIGHUP", "hangup", 129],
] as const) {
  // prettier-ignore
  test(`the first ${name} asks the job to stop, with exit ${exit}`, (t) => {
    const run = watched(t);
    run.send(name);
    assert.ok(run.signal.reason instanceof KeepError);
    assert.equal(run.signal.reason.code, code);
    assert.equal(run.signal.reason.exitCode, exit);
    assert.deepEqual(run.codes(), []);
  });
}

test("a job that does not stop is ended after 5 seconds", (t) => {
  const run = watched(t);
  run.send("SIGTERM");
  mock.timers.tick(4_999);
  assert.deepEqual(run.codes(), []);
  mock.timers.tick(1);
  assert.deepEqual(run.codes(), ["terminated"]);
});

test("the second signal ends it at once", (t) => {
  const run = watched(t);
  run.send("SIGINT");
  run.send("SIGTERM");
  assert.deepEqual(run.codes(), ["terminated"]);
});

test("while live data is half replaced nothing but a second signal ends it, and that is exit 8", (t) => {
  const run = watched(t);
  run.step("live-change", "begin");
  run.send("SIGINT");
  run.step("undo", "begin");
  mock.timers.tick(600_000);
  assert.deepEqual(run.codes(), []);
  run.send("SIGINT");
  assert.deepEqual(run.codes(), ["restore-broken"]);
});

for (const [steps, meaning] of [
  [[], "nothing live was changed"],
  [[["stop-service", "begin"]], "nothing live was changed"],
  [[["live-change", "begin"]], "live data is between two states"],
  [[["live-change", "begin"], ["live-change", "end"]], "the restored data is live"],
  [[["live-change", "begin"], ["undo", "begin"]], "live data is between two states"],
  [[["live-change", "begin"], ["undo", "begin"], ["undo", "end"]], "the old state is back"],
] as const) // prettier-ignore
  test(`a stop says what it means for the live data after ${steps.flat().join(" ") || "nothing"}`, (t) => {
    const run = watched(t);
    for (const [step, state] of steps) run.step(step, state);
    const stopped = new KeepError("interrupted", "stopped by SIGINT", { hint: "x", details: { a: 1 } });
    for (const command of ["restore", "rollback"]) {
      const { code, message, hint, details } = run.explain(command, stopped);
      assert.equal(message, `stopped by SIGINT: ${meaning}`);
      assert.deepEqual([code, hint, details], ["interrupted", "x", { a: 1 }]);
    }
    assert.equal(run.explain("backup", stopped), stopped, "a backup changes no live data");
    const other = new KeepError("damaged", "x");
    assert.equal(run.explain("restore", other), other);
  }); // prettier-ignore

test("once the old state is back, 5 seconds count again", (t) => {
  const run = watched(t);
  run.step("live-change", "begin");
  run.send("SIGINT");
  run.step("undo", "begin");
  mock.timers.tick(60_000);
  run.step("undo", "end");
  mock.timers.tick(5_000);
  assert.deepEqual(run.codes(), ["interrupted"]);
});

test("a service that was stopped is started again first", (t) => {
  const run = watched(t);
  run.step("stop-service", "begin");
  run.send("SIGINT");
  mock.timers.tick(60_000);
  assert.deepEqual(run.codes(), []);
  run.step("start-service", "end");
  mock.timers.tick(5_000);
  assert.deepEqual(run.codes(), ["interrupted"]);
});

test("the last steps of a change wait for no signal, and 5 seconds count from their end", (t) => {
  const run = watched(t);
  run.step("settle", "begin");
  run.step("live-change", "begin");
  run.step("live-change", "end");
  run.send("SIGINT");
  mock.timers.tick(600_000);
  assert.deepEqual(run.codes(), []);
  run.step("settle", "end");
  mock.timers.tick(4_999);
  assert.deepEqual(run.codes(), []);
  mock.timers.tick(1);
  assert.deepEqual(run.codes(), ["interrupted"]);
});

for (const [step, code] of [
  ["live-change", "restore-broken"],
  ["undo", "restore-undone"],
] as const)
  test(`a second signal before the last steps after ${step} says what is live: ${code}`, (t) => {
    const run = watched(t);
    run.step("settle", "begin");
    run.step(step, "begin");
    run.step(step, "end");
    run.send("SIGINT");
    run.send("SIGINT");
    assert.deepEqual(run.codes(), [code]);
  });
