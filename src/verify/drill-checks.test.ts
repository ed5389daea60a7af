// The language of DRILL_CHECKS: what is understood, and how what is not is told.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as BSON from "bson";
import { KeepError } from "../errors.ts";
import { parseChecks } from "./drill-checks.ts";
import type { DrillCheck } from "./drill-checks.ts";

const one = (line: string): DrillCheck => {
  const [check, ...more] = parseChecks(line, "checks.txt");
  assert.ok(check && more.length === 0);
  return check;
};

test("comments and empty lines are passed over, and lines keep their numbers", () => {
  const text =
    "\ufeff# checks of the ward\r\n\r\n  a: surg.patients.countDocuments >= 1\r\n\tb: surg.x.countDocuments = 0\n";
  const found = parseChecks(text, "checks.txt").map(({ name, line }) => [name, line]);
  assert.deepEqual(found, [["a", 3], ["b", 4]]); // prettier-ignore
});

for (const [written, comparison, expected] of [
  ["countDocuments >= 1000", ">=", 1000],
  ["countDocuments() <5", "<", 5],
  ["countDocuments( ) = 0", "=", 0],
  ["countDocuments != 7", "!=", 7],
  ["countDocuments==7", "==", 7],
] as const) {
  test(`a count is compared: ${written}`, () => {
    const { question } = one(`n: surg.patients.${written}`);
    assert.deepEqual(question, { kind: "count", filter: null, comparison, expected });
  });
}

test("a filter is Extended JSON, may hold words of the language, and is not shown", () => {
  const check = one(
    'open: surg.operations.countDocuments({"note": "a).findOne(b) > 3", "n": {"$gt": 2}}) < 50',
  );
  const filter = check.question.kind === "count" && check.question.filter;
  assert.ok(filter);
  assert.deepEqual(BSON.deserialize(filter), { note: "a).findOne(b) > 3", n: { $gt: 2 } });
  assert.equal(check.shown, "surg.operations.countDocuments({…}) < 50");
});

test("a collection may have dots and spaces in its name", () => {
  const { database, collection } = one("n: surg.archive.of 2025.v2.countDocuments > 0");
  assert.deepEqual([database, collection], ["surg", "archive.of 2025.v2"]);
});

test("a document exists, or is missing", () => {
  const first = one(
    'x: surg.patients.findOne({"_id": {"$oid": "0123456789abcdef01234567"}}) exists',
  );
  const second = one("x: surg.patients.findOne({}) is missing");
  assert.deepEqual([first, second].map(({ question: q }) => q.kind === "exists" && q.wanted), [true, false]); // prettier-ignore
});

test("the newest moment lies within a time of the backup", () => {
  const check = one("fresh: surg.audit.newest(meta.at) within 2d of backup");
  assert.deepEqual(check.question, { kind: "newest", field: "meta.at", withinMs: 172_800_000 });
  assert.equal(check.shown, "surg.audit.newest(meta.at) within 2d of backup");
});

const WRONG: readonly (readonly [string, RegExp])[] = [
  ["surg.patients.countDocuments >= 1", /no name/],
  [": surg.patients.countDocuments >= 1", /no name/],
  [`${"n".repeat(101)}: surg.patients.countDocuments >= 1`, /more than 100/],
  ["n: patients.countDocuments >= 1", /names no database\.collection/],
  ["n: surg.patients.count >= 1", /names no database\.collection/],
  ["n: surg.patients.countDocumentsX >= 1", /names no database\.collection/],
  ["n: surg.patients.countDocuments", /does not compare/],
  ["n: surg.patients.countDocuments => 1", /does not compare/],
  ["n: surg.patients.countDocuments >= many", /does not compare/],
  ["n: surg.patients.countDocuments >= -1", /does not compare/],
  ["n: surg.patients.countDocuments >= 1 # comment", /does not compare/],
  ["n: surg.patients.countDocuments >= 99999999999999999999", /too large/],
  ["n: surg.patients.countDocuments({name: 'Meyer'}) >= 1", /not an Extended JSON/],
  ['n: surg.patients.countDocuments([{"name": "Meyer"}]) >= 1', /not an Extended JSON/],
  ['n: surg.patients.findOne({"name": "Meyer"})', /does not end in "exists"/],
  ['n: surg.patients.findOne({"name": "Meyer"}) exist', /does not end in "exists"/],
  ["n: surg.patients.findOne() exists", /not an Extended JSON/],
  ["n: surg.audit.newest within 2d of backup", /newest\(field\)/],
  ["n: surg.audit.newest($at) within 2d of backup", /newest\(field\)/],
  ["n: surg.audit.newest(at) within 2 of backup", /time that is none/],
  ["n: surg.audit.newest(at) within 0 of backup", /time that is none/],
  ["n: surg.audit.newest(at) within 2d", /newest\(field\)/],
];
for (const [line, problem] of WRONG) {
  test(`refused with its line and an example: ${line.slice(0, 70)}`, () => {
    const text = `ok: surg.patients.countDocuments >= 1\n${line}\n`;
    const check = (error: unknown) => {
      assert.ok(error instanceof KeepError);
      assert.equal(error.exitCode, 2);
      assert.match(error.message, /^line 2 of checks\.txt /);
      assert.match(error.message, problem);
      assert.match(error.hint, /looks like this: .+: surg\./);
      assert.doesNotMatch(`${error.message} ${error.hint}`, /Meyer/);
      const example = error.hint.replace(/^.*looks like this: /, "");
      assert.equal(parseChecks(example, "hint").length, 1);
      return true;
    };
    assert.throws(() => parseChecks(text, "checks.txt"), check);
  });
}

test("two checks of one name, and a file without any, are refused", () => {
  const line = "a: surg.patients.countDocuments >= 1";
  assert.throws(() => parseChecks(`${line}\n${line}`, "c"), /line 2 of c has the name of line 1/);
  assert.throws(() => parseChecks("# nothing\n", "c"), /c holds no check/);
});
