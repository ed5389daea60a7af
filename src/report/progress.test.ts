import assert from "node:assert/strict";
import { test } from "node:test";
import { createProgress, formatProgress } from "./progress.ts";

const half = { kind: "progress", step: "dump", documents: 1234, bytes: 5e6, totalBytes: 1e7 } as const; // prettier-ignore

test("half of it shows as half a bar, with the speed and the time left", () => {
  assert.equal(
    formatProgress({ ...half, namespace: "surg.pa\ntients" }, 2000),
    "dump  [##########----------]   50%  1,234 documents  5 MB  2.5 MB/s  2.0 s left  surg.pa\\u000atients",
  );
});

test("an estimate that was too low shows no more than all of it", () => {
  assert.match(formatProgress({ ...half, bytes: 3e7 }, 0), /100%/);
});

test("without a total there is no bar", () => {
  assert.equal(formatProgress({ kind: "progress", step: "prove", documents: 0, bytes: 10 }, 0), "prove  10 B"); // prettier-ignore
});

test("the line never wraps, and goes away before anything else is written", () => {
  let written = "";
  const terminal = { columns: 30, write: (text: string) => (written += text) };
  const progress = createProgress(terminal, () => 0);
  progress.emit(half);
  assert.equal(written.replace("\r\u001b[2K", "").length, 29);
  written = "";
  progress.clear();
  assert.equal(written, "\r\u001b[2K");
  progress.clear();
  assert.equal(written, "\r\u001b[2K");
});
