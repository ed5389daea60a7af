import assert from "node:assert/strict";
import { test } from "node:test";
import { byteAt } from "./byte-at.ts";

test("beyond the end of the bytes is the 0 that ends a document", () => {
  assert.equal(byteAt(Buffer.from([7, 8]), 1), 8);
  assert.equal(byteAt(Buffer.from([7, 8]), 2), 0);
  assert.equal(byteAt(Buffer.alloc(0), 0), 0);
});
