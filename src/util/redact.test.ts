import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { messageOf, redact, redactForTerminal, rememberSecret } from "./redact.ts";
import { Secret } from "./secret.ts";

test("user and password go from any URL, host and database stay", () => {
  assert.equal(
    redact("cannot reach mongodb://surg:s3cr3t@db1:27017,db2:27017/app?tls=true now"),
    "cannot reach mongodb://***@db1:27017,db2:27017/app?tls=true now",
  );
  assert.equal(redact("https://bob:x@example.org/a"), "https://***@example.org/a");
});

test("a password with an unencoded @ or / does not leak its second half", () => {
  assert.equal(redact("mongodb://u:p@ss/w@rd@host/db"), "mongodb://***@host/db");
});

test("values of password-like names go, in queries, flags, JSON and .env lines", () => {
  const cases = [
    "?tlsCertificateKeyFilePassword=hunter2&x=1",
    "--password hunter2 --host h",
    '{"password": "hunter2", "user": "u"}',
    "MONGODB_PASSWORD='hunter2'",
    "authMechanismProperties=AWS_SESSION_TOKEN:hunter2,y",
    "Authorization: Bearer hunter2",
    'pwd: "a \\" hunter2"',
    "api_key=hunter2",
  ];
  for (const text of cases) assert.ok(!redact(text).includes("hunter2"), redact(text));
});

test("ordinary texts stay as they are", () => {
  const text = "surg.operations: 12 documents, see https://example.org/x?page=2 (a@b.c)";
  assert.equal(redact(text), text);
});

test("a known secret is masked wherever it stands, also percent-encoded or in JSON", () => {
  rememberSecret(new Secret('zaq1 "W@x/%'));
  for (const form of ['zaq1 "W@x/%', encodeURIComponent('zaq1 "W@x/%'), 'zaq1 \\"W@x/%']) {
    assert.equal(redact(`the server said [${form}]`), "the server said [***]");
  }
});

test("a weak known password does not eat parts of other words", () => {
  rememberSecret("mongo");
  assert.equal(redact("mongodump failed for mongo"), "mongodump failed for ***");
});

test("whatever a known secret is made of, it is not in the redacted text", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 8, maxLength: 20 }), (value) => {
      rememberSecret(value);
      assert.ok(!redact(`before (${value}) after`).includes(value));
    }),
    { numRuns: 50, examples: [["$&$1\\b^.*+"], ["--------"], ["[a-z]{2,}"]] },
  );
});

test("control characters cannot fake lines or colours on a terminal", () => {
  assert.equal(redactForTerminal("a\u001b[31mred\rb\u202ec"), "a\\u001b[31mred\\u000db\\u202ec");
  assert.equal(redactForTerminal("two\n\tlines"), "two\n\tlines");
});

test("messageOf takes any thrown value", () => {
  assert.equal(messageOf(new Error("at x://u:p@h")), "at x://***@h");
  assert.equal(messageOf("plain"), "plain");
});
