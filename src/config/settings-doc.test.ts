import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import * as prettier from "prettier";
import { SETTING_NAMES } from "./names.ts";
import { formatSettingsDoc } from "./settings-doc.ts";

const path = resolve(import.meta.dirname, "../../docs/settings.md");

test("docs/settings.md is what the schema says: else run node scripts/settings-doc.ts", async () => {
  const options = await prettier.resolveConfig(path);
  const expected = await prettier.format(formatSettingsDoc(), { ...options, filepath: path });
  assert.equal(readFileSync(path, "utf8"), expected);
});

test("every setting stands in the page once, in one whole table row", () => {
  const rows = formatSettingsDoc()
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  assert.equal(rows.length, SETTING_NAMES.length);
  for (const row of rows) assert.equal(row.split("|").length, 6, row);
});
