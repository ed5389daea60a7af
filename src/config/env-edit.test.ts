// Setting values in a .env: other lines keep their bytes, a second run changes nothing, and the value is read back.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { KeepError } from "../errors.ts";
import { editEnv } from "./env-edit.ts";
import { findTrap, listAssignments, normalizeEnvText, parseEnvText } from "./env-text.ts";

const FOREIGN = [
  "# a comment, with NAME=value in it",
  "",
  "   ",
  "export PORT=8000",
  "SECRET='a#b ${c}'",
  'KEY="-----BEGIN\nlines\n-----END"',
  "lonely",
  "  INDENTED = x # why",
  "LANG=de_DE.UTF-8",
  "QUOTE=it's",
  "EMPTY=",
  "# MONGODB_DATABASE=old",
];
const OWN = [
  "MONGODB_DATABASE=surg",
  "MONGODB_DB='surg' # ours",
  'export BACKUP_DIR = "/srv/a b"',
  "BACKUP_TIMEZONE=`UTC`",
];

const names = (own: string) => {
  if (own === "MONGODB_DATABASE") return ["MONGODB_DATABASE", "MONGODB_DB"] as const;
  return [own] as const;
};
const value = fc
  .oneof(
    fc.string({ minLength: 1 }),
    fc.constantFrom("a#b", "${x}", "it's", 'say "x"', "a\\nb", "`date`", "ü ö", " blank "),
  )
  .filter(
    (text) =>
      !/[\r\n\0]/.test(text) &&
      !(["'", "`"].every((mark) => text.includes(mark)) && /["\\$]/.test(text)),
  );

test("foreign lines keep their bytes and order, the value is read back, and a second run changes nothing", () => {
  fc.assert(
    fc.property(
      fc.shuffledSubarray(FOREIGN),
      fc.shuffledSubarray(OWN),
      fc.constantFrom("\n", "\r\n", "\r"),
      fc.boolean(),
      fc.constantFrom("MONGODB_DATABASE", "BACKUP_DIR", "BACKUP_TIMEZONE", "ALERT_COMMAND"),
      value,
      (foreign, own, end, ended, name, wanted) => {
        const lines = [...foreign.slice(0, 3), ...own, ...foreign.slice(3)].map((one) =>
          one.replaceAll("\n", end),
        );
        const text = lines.join(end) + (ended ? end : "");
        const edits = [{ names: names(name), value: wanted }];
        const once = editEnv(text, edits);
        const normalized = normalizeEnvText(once.text);
        const read = parseEnvText(normalized);
        const found = names(name).filter((one) => read.has(one));
        assert.ok(found.length > 0);
        for (const one of found) assert.equal(read.get(one), wanted);
        for (const one of listAssignments(normalized).filter((a) =>
          found.includes(a.name as never),
        ))
          assert.equal(findTrap(one, false), null);
        let at = 0;
        for (const line of foreign.map((one) => one.replaceAll("\n", end))) {
          const next = once.text.indexOf(line, at);
          assert.notEqual(next, -1, `${JSON.stringify(line)} in ${JSON.stringify(once.text)}`);
          at = next + line.length;
        }
        const again = editEnv(once.text, edits);
        assert.deepEqual(again, { text: once.text, changed: [] });
      },
    ),
    { numRuns: process.env.SLOW === "1" ? 5_000 : 500 },
  );
});

test("only the line of the setting changes, its comment, indent and line end stay", () => {
  const before =
    "# app\r\nPORT=1\r\n  export BACKUP_DIR = /a # where\r\nMONGODB_DB=\"x\" # which\r\nZ='1'";
  const { text, changed } = editEnv(before, [
    { names: ["BACKUP_DIR"], value: "/b c" },
    { names: ["MONGODB_DATABASE", "MONGODB_DB"], value: "surg" },
    { names: ["SERVICE_NAME"], value: "app" },
  ]);
  assert.equal(
    text,
    "# app\r\nPORT=1\r\n  export BACKUP_DIR ='/b c' # where\r\nMONGODB_DB=surg # which\r\nZ='1'\r\nSERVICE_NAME=app\r\n",
  );
  assert.deepEqual(changed, ["BACKUP_DIR", "MONGODB_DB", "SERVICE_NAME"]);
});

test("a value that no quotes can hold is refused, and not shown", () => {
  for (const text of ["a\nb", 'it\'s `x` "y"'])
    assert.throws(
      () => editEnv("", [{ names: ["ALERT_COMMAND"], value: text }]),
      (error) =>
        error instanceof KeepError && error.code === "usage" && !error.message.includes(text),
    );
});
