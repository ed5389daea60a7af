import assert from "node:assert/strict";
import { test } from "node:test";
import { createReported } from "./mongodump-report.ts";

function told(...lines: string[]) {
  const reported = createReported();
  const progress = lines.map((line) => reported.add(line));
  return { reported, progress };
}

test("the documents of each collection are what mongodump says at its end", () => {
  const { reported, progress } = told(
    "writing surg.a b to /x/surg/a+b.bson",
    "done dumping surg.a b (2 documents)",
    "done dumping surg.one (1 document)",
    "done dumping surg.odd (3 documents) (4 documents)",
  );
  assert.deepEqual([...reported.done], [["surg.a b", 2], ["surg.one", 1], ["surg.odd (3 documents)", 4]]); // prettier-ignore
  assert.deepEqual(progress, [false, true, true, true]);
});

test("a name with line breaks is one name", () => {
  const { reported } = told("done dumping surg.new", "line (7 documents)", "something else");
  assert.deepEqual([...reported.done], [["surg.new\nline", 7]]);
});

test("progress counts what is under way and what is done, once", () => {
  const { reported } = told(
    "[##......................]  surg.a  10/100  (10.0%)",
    "[########................]  surg.a  40/100  (40.0%)",
    "[##......................]  surg.b  5/50  (10.0%)",
    "done dumping surg.b (50 documents)",
  );
  assert.equal(reported.documents(), 90);
});
