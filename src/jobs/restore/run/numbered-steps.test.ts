import assert from "node:assert/strict";
import { test } from "node:test";
import type { KeepEvent } from "../../../events.ts";
import type { RestoreOrder } from "../plan/order.ts";
import { numberedCheck, numberedSteps } from "./numbered-steps.ts";

/** What a run that takes these steps says at the beginning of each, and of those that are left out. */
function said(order: object, steps: readonly string[]): string[] {
  const lines: string[] = [];
  const emit = (event: KeepEvent) => {
    if (event.kind === "log") lines.push(event.message);
    if (event.kind === "step" && event.state === "begin") lines.push(event.title ?? event.step);
  };
  const check = numberedCheck(emit, "the backup b1");
  const rest = numberedSteps(emit, order as RestoreOrder);
  for (const step of steps) {
    const to = step === "check" ? check : rest;
    for (const state of ["begin", "end"] as const)
      to({ kind: "step", step: step === "check" ? "verify" : step, state });
  }
  return lines;
}

const full = { mode: "staged", targetWasEmpty: false };
const order = { plan: full, skipPreBackup: false };

test("a staged restore counts its five steps, and says what each does", () => {
  assert.deepEqual(
    said(order, ["check", "dump", "verify", "stage", "stop-service", "settle", "live-change", "start-service", "finish"]), // prettier-ignore
    [
      "1/5 checking the backup b1",
      "2/5 backing up what is there now",
      "verify",
      "3/5 loading it beside the live data",
      "stop-service",
      "settle",
      "4/5 replacing the live data (by renames)",
      "start-service",
      "5/5 finishing: comparing what was replaced",
    ],
  );
});

test("a step that is left out keeps its number, and says why", () => {
  const steps = ["check", "stage", "live-change", "finish"];
  const empty = { ...order, plan: { ...full, targetWasEmpty: true } };
  assert.equal(said(empty, steps)[1], "2/5 nothing is replaced, so no safety backup is needed");
  const skipped = { ...order, skipPreBackup: true };
  assert.match(said(skipped, steps)[1] ?? "", /^2\/5 NO safety backup .*--skip-pre-backup/);
});

test("a restore in place stops the service first, and never skips a number", () => {
  const inPlace = { ...order, plan: { ...full, mode: "in-place" } };
  const numbers = (steps: readonly string[]) =>
    said(inPlace, steps).flatMap((line) => /^\d\/\d [a-z]+ [a-z]+/.exec(line)?.[0] ?? []);
  const rest = ["dump", "verify", "live-change", "undo"];
  assert.deepEqual(numbers(["check", "stop-service", ...rest]), [
    "1/5 checking the",
    "2/5 stopping the",
    "3/5 backing up",
    "4/5 replacing the",
  ]);
  assert.equal(numbers(["check", ...rest])[1], "2/5 no service");
});

test("a rollback by renames has two steps", () => {
  assert.deepEqual(said({ ...order, swapBack: {} }, ["live-change", "finish"]), [
    "1/2 swapping the replaced data back",
    "2/2 finishing: comparing what was replaced",
  ]);
});
