import assert from "node:assert/strict";
import { test } from "node:test";
import { createProgress, formatProgress } from "./progress.ts";

const half = { kind: "progress", step: "dump", documents: 1234, bytes: 5e6, totalBytes: 1e7 } as const; // prettier-ignore

test("half of it shows as half a bar, with the speed and the time left", () => {
  assert.equal(
    formatProgress({ ...half, namespace: "surg.pa\ntients" }, 2000),
    "dump  [##########----------]   50%  2.0 s left  5 MB  2.5 MB/s  1,234 documents  surg.pa\\u000atients",
  );
});

test("an estimate that was too low shows no more than all of it", () => {
  assert.match(formatProgress({ ...half, bytes: 3e7 }, 0), /100%/);
});

test("without a total there is no bar", () => {
  assert.equal(formatProgress({ kind: "progress", step: "prove", documents: 0, bytes: 10 }, 0), "prove  10 B"); // prettier-ignore
});

test("where there is no room the namespace goes first, and the time left last", () => {
  const event = { ...half, namespace: "surg.patients" };
  const at = (columns: number) => formatProgress(event, 2000, columns);
  assert.match(at(200), /surg\.patients$/);
  assert.match(at(79), /1,234 documents$/);
  assert.match(at(50), /2\.0 s left$/);
  for (let columns = 4; columns < 120; columns++) assert.ok(at(columns).length <= columns);
});

test("the line never wraps, and goes away before anything else is written", () => {
  let written = "";
  const terminal = { columns: 30, write: (text: string) => (written += text) };
  const progress = createProgress(terminal, () => 0);
  progress.emit(half);
  assert.equal(written, "\r\u001b[2Kdump");
  terminal.columns = 50;
  written = "";
  progress.emit(half);
  assert.equal(written, "\r\u001b[2Kdump  [##########----------]   50%  5 MB");
  written = "";
  progress.clear();
  assert.equal(written, "\r\u001b[2K");
  progress.clear();
  assert.equal(written, "\r\u001b[2K");
});
