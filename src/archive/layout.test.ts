import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  assertDatabaseName,
  dataPath,
  escapeName,
  formatBackupId,
  isBackupId,
  isInnerPath,
  metadataPath,
  unescapeName,
} from "./layout.ts";

// "binary": any code points, without lone surrogates.
const name = fc.string({ unit: "binary", minLength: 1, maxLength: 80 });

test("an escaped name is a plain file name, and comes back, or is known to be cut", () => {
  fc.assert(
    fc.property(name, (collection) => {
      const file = escapeName(collection);
      assert.match(file, /^[A-Za-z0-9_.~%-]+$/);
      assert.ok(file.length <= 238);
      const back = unescapeName(file);
      if (back === null) assert.ok(encodeURIComponent(collection).length > 200);
      else assert.equal(back, collection);
    }),
    { numRuns: 500 },
  );
});

test("names so long that they are cut stay different, and fit into a file name with every suffix", () => {
  const files = ["a", "b", "ü", "手", "+"].map((last) => escapeName("x".repeat(250) + last));
  assert.equal(new Set(files).size, files.length);
  for (const file of files) {
    assert.equal(unescapeName(file), null);
    assert.ok(`${file}.metadata.json.gz`.length <= 255);
  }
});

test("mongodump's plus for a space is understood", () => {
  assert.equal(unescapeName("with+space%2Band+plus"), "with space+and plus");
  assert.equal(unescapeName("%zz"), null);
});

test("no data or metadata path leads out of the backup, whatever the collection is called", () => {
  fc.assert(
    fc.property(
      fc.oneof(name, fc.constantFrom("..", ".", "../x", "/etc/passwd", "a/b")),
      (collection) => {
        for (const suffix of ["", ".gz", ".zst"])
          assert.ok(isInnerPath(dataPath("surg", collection, suffix)));
        assert.ok(isInnerPath(metadataPath("surg", collection, "gzip")));
      },
    ),
  );
});

test("names that no server takes for a database are refused", () => {
  for (const bad of [
    "",
    "..",
    ".",
    "a/b",
    "a\\b",
    "a.b",
    "a b",
    'a"b',
    "$x",
    "a\0",
    "x".repeat(64),
  ])
    assert.throws(
      () => {
        assertDatabaseName(bad);
      },
      { code: "damaged" },
      bad,
    );
  for (const good of ["surg", "手術", "-rf", "a%2e", "A_1"]) assertDatabaseName(good);
});

test("metadata is compressed with gzip data only", () => {
  assert.equal(metadataPath("d", "c", "gzip"), "d/c.metadata.json.gz");
  assert.equal(metadataPath("d", "c", "zstd"), "d/c.metadata.json");
  assert.equal(metadataPath("d", "c", "none"), "d/c.metadata.json");
});

test("an id is the local time of its zone", () => {
  const ms = Date.UTC(2026, 9, 25, 0, 30, 5, 999);
  assert.equal(formatBackupId(ms, "UTC"), "2026-10-25_00-30-05");
  assert.equal(formatBackupId(ms, "Europe/Berlin"), "2026-10-25_02-30-05");
  assert.ok(isBackupId(formatBackupId(ms, "Asia/Kathmandu")));
  for (const bad of [
    ".2026-10-25_00-30-05",
    "2026-10-25_00-30-05.damaged",
    "2026-10-25",
    "x",
    "2026-10-25_00-30-05\n",
  ])
    assert.ok(!isBackupId(bad), bad);
});
