import assert from "node:assert/strict";
import { test } from "node:test";
import { BSON } from "mongodb";
import { NAMED_DOCUMENTS, refusedDocuments } from "./refused.ts";

const documents = (ids: readonly unknown[]) =>
  Buffer.concat(ids.map((_id) => BSON.serialize({ _id, name: "SECRET" })));

test("refused documents are named by their _id, each with what the server said, and by nothing else", () => {
  const sent = { namespace: "surg.patients", documents: documents(["a", 2, [3]]), count: 3 };
  const error = refusedDocuments(sent, [
    { index: 2, code: 53, errmsg: "The '_id' value cannot be of type array" },
    { index: 1, code: 11000, errmsg: 'E11000 index: name_1 dup key: { name: "SECRET" }' },
  ]);
  assert.equal(error.code, "documents-refused");
  assert.equal(
    error.message,
    'surg.patients: 2 of 3 documents were refused: E11000 index: name_1 dup key: … (server code 11000), and for other reasons; _id {"$numberInt":"2"}, [{"$numberInt":"3"}]',
  );
  assert.deepEqual(error.details.documentIds, ['{"$numberInt":"2"}', '[{"$numberInt":"3"}]']);
  assert.deepEqual(error.details.serverErrors, [
    "E11000 index: name_1 dup key: … (server code 11000)",
    "The '_id' value cannot be of type array (server code 53)",
  ]);
});

test("of thousands of refused documents the first are named, and all counted", () => {
  const ids = Array.from({ length: 2_000 }, (_, i) => i);
  const errors = ids.map((index) => ({ index, code: 2, errmsg: "no" })).reverse();
  const sent = { namespace: "a.b", documents: documents(ids), count: ids.length };
  const { message, details } = refusedDocuments(sent, errors);
  assert.equal((details.documentIds as string[]).length, NAMED_DOCUMENTS);
  assert.equal(details.documents, 2_000);
  assert.match(message, /"0"}, .*"1"}, .*"2"} and 1997 more$/);
});

test("a document without an _id, and one with an _id of a megabyte, are told in a few words", () => {
  const none = BSON.serialize({ name: "SECRET" });
  const long = BSON.serialize({ _id: "x".repeat(1 << 20) });
  const sent = { namespace: "a.b", documents: Buffer.concat([none, long]), count: 2 };
  const errors = [0, 1].map((index) => ({ index, code: 2, errmsg: "no" }));
  const { message } = refusedDocuments(sent, errors);
  assert.match(message, /_id \(no _id\), "x+…$/);
  assert.ok(message.length < 400);
});
