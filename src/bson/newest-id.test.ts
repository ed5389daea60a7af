import assert from "node:assert/strict";
import { test } from "node:test";
import { BSON } from "mongodb";
import { newestIdSecond, secondToIso } from "./newest-id.ts";

const made = (iso: string) => BSON.ObjectId.createFromTime(Date.parse(iso) / 1_000);
const documents = (...ids: unknown[]) =>
  Buffer.concat(ids.map((_id) => BSON.serialize({ _id, later: made("2099-01-01T00:00:00Z") })));

test("the newest ObjectId among all kinds of _id tells when the newest document was made", () => {
  const raw = documents(made("2026-11-22T03:04:05Z"), "text", made("2026-11-21T00:00:00Z"), 7, {
    a: made("2098-01-01T00:00:00Z"),
  });
  assert.equal(secondToIso(newestIdSecond(raw, -1)), "2026-11-22T03:04:05.000Z");
});

test("chunk after chunk the latest is kept, and without an ObjectId nothing is said", () => {
  const first = newestIdSecond(documents(made("2026-11-22T00:00:00Z")), -1);
  assert.equal(newestIdSecond(documents(made("2020-01-01T00:00:00Z"), "x"), first), first);
  assert.equal(secondToIso(newestIdSecond(documents("x", 1, null), -1)), null);
  assert.equal(secondToIso(newestIdSecond(Buffer.alloc(0), -1)), null);
});

test("times after 2038 are no times before 1970", () => {
  const raw = documents(new BSON.ObjectId(`ff${"0".repeat(22)}`));
  assert.equal(secondToIso(newestIdSecond(raw, -1)), new Date(0xff000000 * 1_000).toISOString());
});
