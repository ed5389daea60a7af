import assert from "node:assert/strict";
import { test } from "node:test";
import { TimeLimitError, withTimeLimit } from "./time-limit.ts";

test("work within its limit gives its result, and throws what it throws", () => {
  const map = new Map([[1, 2]]);
  assert.equal(
    withTimeLimit(60_000, () => map),
    map,
  );
  const failure = new RangeError("mine");
  assert.throws(
    () =>
      withTimeLimit(60_000, () => {
        throw failure;
      }),
    failure,
  );
});

test("a regular expression that backtracks for ever is ended", () => {
  const evil = /^(a+)+$/;
  assert.throws(() => withTimeLimit(50, () => evil.test(`${"a".repeat(60)}b`)), TimeLimitError);
  assert.equal(
    withTimeLimit(60_000, () => evil.test("aa")),
    true,
  );
});
