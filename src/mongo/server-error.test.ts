import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { KeepError } from "../errors.ts";
import { connectionError } from "./connection-error.ts";
import { serverError, withoutValues } from "./server-error.ts";

test("a certificate that cannot be read is a wrong setting, not a fault of ours", async () => {
  const error = await readFile("/nowhere/ca.pem").catch((thrown: unknown) => thrown);
  const known = connectionError(error);
  assert.equal(known?.code, "bad-setting");
  assert.match(
    known.message,
    /^cannot read \/nowhere\/ca\.pem, which MONGODB_URI names \(ENOENT\)$/,
  );
  assert.equal(connectionError(new Error("something else")), undefined);
});

test("what a server quotes of a document is cut away", () => {
  for (const quoted of [
    'E11000 duplicate key error collection: a.b index: name_1 dup key: { name: "Erika" }',
    'Cannot index parallel arrays. First element: mrn: "Erika"',
    "language override unsupported: Erika",
    "Failed to parse number 'Erika' in $convert",
    'Document failed validation: {"name": "Erika"}',
  ])
    assert.doesNotMatch(withoutValues(quoted), /Erika/, quoted);
  const kept = withoutValues(
    "E11000 duplicate key error collection: a.b index: x dup key: { x: 1 }",
  );
  assert.match(kept, /index: x/, "which index it was still shows");
});

test("a missing right is told with its role, also in Atlas's words", () => {
  for (const [code, message] of [
    [13, "not authorized on surg to execute command"],
    [8000, "(Unauthorized) not authorized on admin to execute command"],
  ] as const) {
    const error = serverError("read", "surg.patients", code, message);
    assert.ok(error instanceof KeepError);
    assert.equal(error.code, "rights-missing");
    assert.match(error.hint, /"backup"/);
  }
});
