import assert from "node:assert/strict";
import { test } from "node:test";
import type { KeepEvent } from "../events.ts";
import { throttleProgress } from "./throttle-progress.ts";

test("progress comes a few times a second, and the last of a step before what follows it", () => {
  const heard: KeepEvent[] = [];
  let nowMs = 0;
  const emit = throttleProgress((event) => heard.push(event), () => nowMs); // prettier-ignore
  const progress = (documents: number, step = "load") => {
    emit({ kind: "progress", step, documents, bytes: 0 });
  };
  for (let n = 0; n < 1_000; n++, nowMs++) progress(n);
  const counts = () => heard.flatMap((e) => (e.kind === "progress" ? [e.documents] : []));
  assert.deepEqual(counts(), [0, 100, 200, 300, 400, 500, 600, 700, 800, 900]);
  emit({ kind: "step", step: "load", state: "end" });
  assert.deepEqual(counts().at(-1), 999);
  assert.equal(heard.at(-1)?.kind, "step");
  progress(1);
  nowMs++;
  progress(2);
  progress(3, "prove");
  assert.deepEqual(counts().slice(-2), [1, 2], "what was held is heard before another step's");
});
