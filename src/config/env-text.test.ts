import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { findTrap, listAssignments, normalizeEnvText, parseEnvText } from "./env-text.ts";

function trapOf(text: string, secret = false) {
  const [only, ...more] = listAssignments(normalizeEnvText(text));
  assert.ok(only && more.length === 0, "one assignment");
  return findTrap(only, secret);
}

test("an unquoted # that is not after a space is told, with the quoted form", () => {
  assert.equal(trapOf("BACKUP_DIR=/srv/a#b")?.better, "BACKUP_DIR='/srv/a#b'");
  assert.equal(trapOf("P=#abc")?.better, "P='#abc'");
  assert.equal(trapOf("P=it's#1")?.better, "P=`it's#1`");
});

test("a secret's value is not shown in the quoted form", () => {
  assert.equal(trapOf("MONGODB_PASSWORD=ab#cd", true)?.better, "MONGODB_PASSWORD='…'");
});

test("a ${ is told, in double quotes too, and meant literally in single ones", () => {
  assert.match(trapOf("A=${HOME}/x")?.problem ?? "", /\$\{/);
  assert.equal(trapOf('A="${HOME}/x"')?.better, "A='${HOME}/x'");
  assert.equal(trapOf("A='${HOME}/x'"), null);
  assert.equal(trapOf("A=x # about ${HOME}"), null, "in a comment it is nothing");
});

test("quotes that do not close, and text after them, are told", () => {
  assert.match(trapOf("A='abc")?.problem ?? "", /never closed/);
  assert.match(trapOf('A="abc"def')?.problem ?? "", /after its closing quote/);
  assert.equal(trapOf('A="abc" # why'), null);
});

test("a \\n in a password in double quotes is told: it would become a line end", () => {
  assert.equal(trapOf('MONGODB_PASSWORD="pa\\new"', true)?.better, "MONGODB_PASSWORD='…'");
  assert.equal(trapOf('ALERT_COMMAND="a\\nb"'), null);
});

test("ordinary values are no trap", () => {
  for (const text of ["A=b", "A=a b # c#d", "A='a#b'", "A=", "A=a=b", "export A=$HOME"]) {
    assert.equal(trapOf(text), null, text);
  }
});

test("an empty value with blanks behind it does not swallow the next line, as node's parser lets it", () => {
  const values = parseEnvText(normalizeEnvText("A=  \nB=1\nexport\tC =\t\nD=2"));
  assert.deepEqual(
    [...values],
    [
      ["A", ""],
      ["B", "1"],
      ["C", ""],
      ["D", "2"],
    ],
  );
});

test("files from Windows read as others", () => {
  const values = parseEnvText(normalizeEnvText("\ufeffA=1\r\nB='x'\r\n"));
  assert.deepEqual(
    [...values],
    [
      ["A", "1"],
      ["B", "x"],
    ],
  );
});

test("assignments know their line, also behind values of several lines", () => {
  const listed = listAssignments("# c\nA='x\ny'\n\nB=2\nno assignment\nC=3");
  assert.deepEqual(
    listed.map(({ name, line }) => [name, line]),
    [
      ["A", 2],
      ["B", 5],
      ["C", 7],
    ],
  );
});

test("the assignments found are the ones that node finds, with the same values where nothing is a trap", () => {
  const piece = fc.constantFrom(
    "A",
    "B_1",
    "=",
    "'",
    '"',
    "`",
    "#",
    " ",
    "\n",
    "x",
    "${",
    "export ",
    "$",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const text = normalizeEnvText(pieces.join(""));
      fc.pre(!/^[ \t]*=/m.test(text)); // nameless: nobody writes it
      const node = parseEnvText(text);
      const ours = listAssignments(text);
      for (const assignment of ours) {
        const last = ours.findLast(({ name }) => name === assignment.name);
        if (last !== assignment || !/^[A-Z_0-9]+$/.test(assignment.name)) continue;
        assert.ok(node.has(assignment.name), JSON.stringify(text));
        if (findTrap(assignment, false) || assignment.quote === '"') continue;
        const value = assignment.quote
          ? assignment.written
          : assignment.written.replace(/(^|\s+)#.*/, "");
        assert.equal(node.get(assignment.name)?.trim(), value.trim(), JSON.stringify(text));
      }
      for (const name of node.keys()) {
        if (/^[A-Z_0-9]+$/.test(name))
          assert.ok(
            ours.some((a) => a.name === name),
            JSON.stringify(text),
          );
      }
    }),
    { numRuns: 1000 },
  );
});

test("lines of many blanks take no longer than others", () => {
  const blanks = " \t".repeat(500_000);
  for (const line of [
    blanks,
    `A${blanks}`,
    `${blanks}A${blanks}=${blanks}x`,
    `A=x${blanks}# y`,
    `export${blanks}A=x`,
    `#${blanks}=`,
  ]) {
    const text = normalizeEnvText(`${line}\nB=1\n`);
    assert.equal(parseEnvText(text).get("B"), "1");
    const last = listAssignments(text).at(-1);
    assert.deepEqual([last?.name, last?.written], ["B", "1"]);
  }
});

test("typographic quotes and characters that nobody sees are told, and around a name they are nothing", () => {
  const trap = trapOf("BACKUP_DIR=\u201c/srv/b\u201d");
  assert.match(trap?.problem ?? "", /typographic/);
  assert.equal(trap?.better, "BACKUP_DIR='/srv/b'");
  for (const [character, name] of [
    ["\u00a0", "U+00A0"],
    ["\u200b", "U+200B"],
    ["\ufeff", "U+FEFF"],
  ] as const) {
    const found = trapOf(`BACKUP_DIR=/srv/${character}b${character} # c`);
    assert.equal(found?.problem, `has an invisible character (${name})`);
    assert.match(trapOf(`A=${character}x${character}`)?.better ?? "", /^A='x'$/);
    assert.equal(trapOf(`A=x # ${character}`), null);
    assert.equal(trapOf(`A='a${character}b'`), null, "in quotes it is meant");
    const text = normalizeEnvText(
      `X=1\n${character} A ${character}= ${character}'v'\n${character}export B=2\nC=${character}\nD=3`,
    );
    assert.deepEqual([...parseEnvText(text)].sort(), [
      ["A", "v"],
      ["B", "2"],
      ["C", ""],
      ["D", "3"],
      ["X", "1"],
    ]);
    assert.deepEqual(
      listAssignments(text).map(({ line }) => line),
      [1, 2, 3, 4, 5],
    );
  }
});

test("a value made of others is told, with no advice that keeps their names in it", () => {
  const names = new Set(["DB_USER"]);
  const traps = ["MONGODB_URI=mongodb://$DB_USER@h/", 'MONGODB_URI="mongodb://${DB_USER}@h/"'];
  for (const text of traps) {
    const [assignment] = listAssignments(text);
    const advice = assignment && findTrap(assignment, true, names)?.advice;
    assert.match(advice ?? "", /fills in nothing/);
    assert.doesNotMatch(advice ?? "", /DB_USER|in quotes/);
  }
  for (const text of [
    "MONGODB_PASSWORD=pa$word",
    "MONGODB_PASSWORD='$DB_USER'",
    "ALERT_COMMAND=x $DB_USER",
    "BACKUP_DIR=/a # $DB_USER",
  ]) {
    const [assignment] = listAssignments(text);
    assert.equal(assignment && findTrap(assignment, true, names), null, text);
  }
});
