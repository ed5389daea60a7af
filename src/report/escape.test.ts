import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { escapeText } from "./escape.ts";

test("names of any language stay as they are", () => {
  for (const name of ["surg.patients", "Größe", "患者", "a🙂b", "it's $5 \\ 100%"]) {
    assert.equal(escapeText(name), name);
  }
});

test("what a terminal obeys is written out", () => {
  assert.equal(escapeText("a\u001b[31mb"), "a\\u001b[31mb");
  assert.equal(escapeText("one\ntwo\r\tthree"), "one\\u000atwo\\u000d\\u0009three");
  assert.equal(escapeText("a\u202etxt.exe"), "a\\u202etxt.exe");
  assert.equal(escapeText("\u009b1m\u2028\u200b\ufeff"), "\\u009b1m\\u2028\\u200b\\ufeff");
  assert.equal(escapeText("\ud800x"), "\\ud800x");
});

test("what is not seen is written out, also beyond the first plane", () => {
  assert.equal(escapeText("soft\u00adhyphen\ufff9\u180e"), "soft\\u00adhyphen\\ufff9\\u180e");
  assert.equal(escapeText("\u{e0041}"), "\\udb40\\udc41", "as JSON would: extract prints it");
});

test("whatever the text, it is one line, without controls, and escaping again changes nothing", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const escaped = escapeText(text);
      assert.doesNotMatch(escaped, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
      assert.equal(escapeText(escaped), escaped);
    }),
  );
});
