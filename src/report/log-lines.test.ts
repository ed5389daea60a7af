import assert from "node:assert/strict";
import { test } from "node:test";
import { manualClock } from "../util/clock.ts";
import { createLogLines } from "./log-lines.ts";
import type { Loudness } from "./log-lines.ts";

function linesAt(loudness: Loudness, columns: number | null = null) {
  let text = "";
  const clock = manualClock(Date.UTC(2026, 10, 23, 1, 0, 3));
  const write = (more: string) => (text += more);
  const log = createLogLines({ loudness, clock, zone: () => "Europe/Berlin", write, columns: () => columns }); // prettier-ignore
  return { ...log, text: () => text };
}

test("a line has the time with its offset, the level, the message", () => {
  const log = linesAt("normal");
  log.line("info", "hello");
  assert.equal(log.text(), "2026-11-23T02:00:03+01:00 INFO  hello\n");
});

test("on a terminal a long line breaks between words, in a file it is one", () => {
  const message = "users and roles that the restore 2026-11-26_05-04-10 brought to surg stay as they are";
  const shown = linesAt("normal", 80);
  shown.line("info", message);
  const [first = "", ...others] = shown.text().trimEnd().split("\n");
  assert.ok(others.length > 0);
  for (const line of [first, ...others]) assert.ok(line.length <= 80, line);
  for (const line of others) assert.match(line, /^ {32}\S/);
  assert.equal([first.slice(32), ...others.map((line) => line.trim())].join(" "), message);
  const filed = linesAt("normal");
  filed.line("info", message);
  assert.equal(filed.text().split("\n").length, 2);
}); // prettier-ignore

test("quiet keeps warnings and errors, verbose adds debug", () => {
  for (const [loudness, expected] of [
    ["quiet", ["WARN", "ERROR"]],
    ["normal", ["INFO", "WARN", "ERROR"]],
    ["verbose", ["DEBUG", "INFO", "WARN", "ERROR"]],
  ] as const) {
    const log = linesAt(loudness);
    for (const level of ["debug", "info", "warn", "error"] as const) log.line(level, "x");
    const levels = log.text().trimEnd().split("\n").map((line) => line.split(" ")[1]); // prettier-ignore
    assert.deepEqual(levels, expected);
  }
});

test("a message can neither fake a line nor show a password", () => {
  const log = linesAt("normal");
  log.line("warn", "a\n2026-11-23T02:00:03+01:00 INFO  b mongodb://u:hunter22@h/");
  assert.equal(log.text().split("\n").length, 2);
  assert.doesNotMatch(log.text(), /hunter22/);
});

test("a step is told when it begins, and when it ends with something to say; progress is not", () => {
  const log = linesAt("normal");
  log.emit({ kind: "step", step: "stop-service", state: "begin" });
  log.emit({ kind: "step", step: "stop-service", state: "end" });
  log.emit({ kind: "step", step: "dump", state: "end", detail: "5 documents" });
  log.emit({ kind: "step", step: "stage", state: "begin", title: "3/5 loading" });
  log.emit({ kind: "step", step: "settle", state: "begin" });
  log.emit({ kind: "progress", step: "dump", documents: 1, bytes: 1 });
  const said = log.text().trimEnd().split("\n").map((line) => line.slice(32)); // prettier-ignore
  assert.deepEqual(said, ["stopping the service", "dump done: 5 documents", "3/5 loading"]);
});
