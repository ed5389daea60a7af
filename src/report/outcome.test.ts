import assert from "node:assert/strict";
import { test } from "node:test";
import { ERRORS, KeepError } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";
import type { VerifyJobResult } from "../jobs/results.ts";
import {
  exitCodeOf,
  failureJson,
  failureNotice,
  failureSummary,
  resultNotice,
  summaryOf,
} from "./outcome.ts";

const damaged: VerifyJobResult = {
  ok: false,
  warnings: [],
  backups: [
    {
      id: "2026-11-23_02-00-00",
      path: "/b",
      ok: false,
      level: "full",
      documents: 1,
      seconds: 1,
      problems: [{ file: "s/\u001b.bson", chunk: 0, document: 1, problem: "checksum differs" }],
    },
  ],
};

test("every failure has the exit code of its kind, in the JSON object that is agreed", () => {
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    const error = new KeepError(code, "no");
    const json = failureJson(error) as { ok: boolean; error: Record<string, unknown> };
    assert.equal(json.ok, false);
    assert.equal(json.error.code, code);
    assert.equal(json.error.message, "no");
    assert.ok(String(json.error.hint).length > 0);
    assert.match(failureSummary("backup", error), new RegExp(`code=${code} exit=${ERRORS[code].exit}$`)); // prettier-ignore
  }
});

test("damage is exit 3, a status with problems 1, anything good 0", () => {
  assert.equal(exitCodeOf("verify", damaged), 3);
  assert.equal(exitCodeOf("status", { ok: false }), 1);
  assert.equal(exitCodeOf("doctor", { ok: false }), 1);
  assert.equal(exitCodeOf("list", { backups: [] }), 0);
  assert.equal(exitCodeOf("verify", { ok: true }), 0);
});

test("the summary is one line that says what ran and how it ended", () => {
  assert.equal(
    summaryOf("verify", damaged),
    "mongokeep verify failed code=damaged exit=3 backups=1 damaged=1",
  );
});

test("a backup that failed is told; what its caller knows already is not", () => {
  const codes = Object.keys(ERRORS) as ErrorCode[];
  const silent = codes.filter((code) => !failureNotice("backup", new KeepError(code, "no")));
  assert.deepEqual(silent.sort(), ["hangup", "interrupted", "not-in-this-version", "usage"]);
  assert.equal(failureNotice("list", new KeepError("failed", "no")), null);
});

test("an alert carries no password", () => {
  const error = new KeepError("unreachable", "cannot reach mongodb://u:hunter22@h/");
  assert.doesNotMatch(JSON.stringify([failureNotice("backup", error), failureJson(error)]), /hunter22/); // prettier-ignore
});

test("damage is told with the backup and the file, and the file's name is harmless", () => {
  const notice = resultNotice("verify", damaged);
  assert.equal(notice?.event, "damaged");
  assert.match(notice.text, /2026-11-23_02-00-00 is damaged: s\/\\u001b\.bson/);
});
