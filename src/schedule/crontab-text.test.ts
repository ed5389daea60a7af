import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { fromText, installBlock, readBlock, removeBlock, toText } from "./crontab-text.ts";

const LINE = "0 2 * * * cd /p && /n /s backup >> ~/.tmp/backup.log 2>&1";
const ALERT = "0 9 * * * cd /p && /n /s status --alert --env-file /e >> ~/.tmp/backup.log 2>&1";
const BLOCK = `# mongokeep begin /p\n${LINE}\n# mongokeep end /p\n`;

const FOREIGN = [
  "",
  "MAILTO=me@example.org\n# my jobs\n*/5 * * * * /usr/bin/true\n",
  "5 4 * * * crlf\r\n6 4 * * * crlf\r\n",
  "\n\n   \n",
  "nul \u0000 byte\n",
  "latin1 \u00e9\u00ff invalid as UTF-8\n",
  "# mongokeep begin /q\n0 3 * * * cd /q && /n /s backup >> /l 2>&1\n# mongokeep end /q\n",
  "# mongokeep begin /p/sub\n# mongokeep end /p/sub\n",
  " # mongokeep begin /p\n",
];

test("the block goes to the end, and every byte before it stays", () => {
  for (const text of FOREIGN) {
    const installed = installBlock(text, "/p", [LINE]);
    assert.equal(installed, text + BLOCK);
    assert.equal(installBlock(installed, "/p", [LINE]), installed, "twice changes nothing");
    assert.equal(removeBlock(installed, "/p"), text);
    assert.deepEqual(readBlock(installed, "/p"), [LINE]);
  }
});

test("a last line without its end gets one, as crontab refuses it otherwise", () => {
  assert.equal(installBlock("* * * * * x", "/p", [LINE]), `* * * * * x\n${BLOCK}`);
  assert.equal(removeBlock("* * * * * x", "/p"), "* * * * * x");
});

test("a block in the middle is replaced where it stands", () => {
  const text = `before\n${BLOCK}after\r\n`;
  const later = LINE.replace("0 2", "30 3");
  const changed = installBlock(text, "/p", [later, ALERT]);
  assert.equal(
    changed,
    `before\n# mongokeep begin /p\n${later}\n${ALERT}\n# mongokeep end /p\nafter\r\n`,
  );
  assert.deepEqual(readBlock(changed, "/p"), [later, ALERT]);
  assert.equal(removeBlock(changed, "/p"), "before\nafter\r\n");
});

test("two blocks of one project become one", () => {
  assert.equal(installBlock(`${BLOCK}x\n${BLOCK}`, "/p", [LINE]), `${BLOCK}x\n`);
  assert.equal(removeBlock(`${BLOCK}x\n${BLOCK}`, "/p"), "x\n");
});

test("a line that someone wrote into the block is kept", () => {
  const text = `# mongokeep begin /p\n# mine\n${LINE}\n@daily other\n# mongokeep end /p\n`;
  assert.equal(installBlock(text, "/p", [LINE]), `${BLOCK}# mine\n@daily other\n`);
  assert.equal(removeBlock(text, "/p"), "# mine\n@daily other\n");
});

test("a block that an editor gave CRLF is still found", () => {
  const text = BLOCK.replaceAll("\n", "\r\n");
  assert.deepEqual(readBlock(text, "/p"), [LINE]);
  assert.equal(removeBlock(`a\n${text}b\n`, "/p"), "a\nb\n");
});

test("a line that was commented out does not count as installed", () => {
  assert.deepEqual(readBlock(BLOCK.replace(LINE, `#${LINE}`), "/p"), []);
});

test("an incomplete block is not changed, and the hint says how to fix it", () => {
  for (const text of [
    "# mongokeep begin /p\nx\n",
    "# mongokeep end /p\n",
    `# mongokeep begin /p\n${BLOCK}`,
  ]) {
    assert.throws(
      () => installBlock(text, "/p", [LINE]),
      /only one of the two mongokeep marks of \/p/,
    );
    assert.throws(() => removeBlock(text, "/p"), /only one/);
  }
});

test("names beyond ASCII come out as they went in", () => {
  const project = "/größe/日本";
  const text = installBlock("", project, [
    toText(`0 2 * * * cd ${project} && /n /s backup >> /l 2>&1`),
  ]);
  assert.ok(Buffer.from(text, "latin1").toString("utf8").includes(`begin ${project}\n`));
  assert.equal(readBlock(text, project).map(fromText)[0]?.includes(project), true);
});

test("whatever stands around it, installing and removing changes no foreign byte", () => {
  const pieces = fc.array(
    fc.oneof(
      fc.constantFrom(
        "\n",
        "\r\n",
        "# mongokeep begin /q\n",
        "# mongokeep end /q\n",
        LINE,
        " ",
        "%",
      ),
      fc.string({
        unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
      }),
    ),
  );
  fc.assert(
    fc.property(pieces, pieces, (before, after) => {
      const head = [...before, "\n"].join("");
      const tail = after.join("");
      const installed = installBlock(head + BLOCK + tail, "/p", [ALERT]);
      assert.equal(installed, head + BLOCK.replace(LINE, ALERT) + tail);
      assert.equal(removeBlock(installed, "/p"), head + tail);
      const appended = installBlock(head, "/p", [ALERT]);
      assert.equal(removeBlock(appended, "/p"), head);
    }),
  );
});
