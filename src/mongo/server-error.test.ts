import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { MongoServerError } from "mongodb";
import { KeepError, toKeepError } from "../errors.ts";
import { connectionError } from "./connection-error.ts";
import { driverError, serverError, withoutValues } from "./server-error.ts";

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

test("values of documents are removed from a server's message", () => {
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

for (const [serverCode, code, hint] of [
  [64, "no-majority", /rs\.status\(\).*rs\.reconfig/],
  [100, "no-majority", /Lower w in MONGODB_URI/],
  [79, "bad-setting", /getLastErrorModes/],
  [91, "server-error", /Start the server again/],
  [11600, "server-error", /Start the server again/],
  [189, "not-primary", /without directConnection/],
  [10107, "not-primary", /without directConnection/],
  [11602, "not-primary", /without directConnection/],
  [13435, "not-primary", /without directConnection/],
  [13436, "not-primary", /without directConnection/],
] as const)
  test(`a set that refuses a write with ${serverCode} is told by its cause, with what to do`, () => {
    const ofCommand = serverError("write", "surg.patients", serverCode, "x");
    const thrown = new MongoServerError({ message: "x", code: serverCode });
    for (const error of [ofCommand, driverError("write", "a.b", thrown), toKeepError(thrown)]) {
      assert.equal(error.code, code);
      assert.match(error.hint, hint);
      assert.equal(error.details.serverCode, serverCode);
    }
    assert.match(ofCommand.message, /^cannot write surg\.patients: .+: x \(server code \d+\)$/);
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
