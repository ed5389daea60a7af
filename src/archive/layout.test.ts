import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  assertDatabaseName,
  dataPath,
  encodingOf,
  escapeName,
  formatBackupId,
  isAccounts,
  isBackupId,
  isInnerPath,
  metadataPath,
  momentOf,
  mongodumpEscapeName,
  timeseriesMetadataName,
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

test("an id is read back as its moment; one whose digits are no date as none", () => {
  const id = "2026-07-01_02-00-05";
  assert.equal(momentOf(id, "UTC"), Date.UTC(2026, 6, 1, 2, 0, 5));
  assert.equal(momentOf(id, "Europe/Berlin"), Date.UTC(2026, 6, 1, 0, 0, 5));
  assert.equal(momentOf(`${id}.damaged`, "UTC"), Date.UTC(2026, 6, 1, 2, 0, 5));
  for (const none of ["2026-13-01_02-00-05", "2026-02-30_00-00-00", "2026-07-01", ""])
    assert.equal(momentOf(none, "UTC"), Number.NaN, none);
  // A zone that nobody has is a fault of the caller.
  assert.throws(() => momentOf(id, undefined as never), TypeError);
});

test("accounts of a database are known by the name of their file", () => {
  for (const own of ["surg/$admin.system.users.bson", "a/$admin.system.roles.bson.gz"])
    assert.equal(isAccounts(own), true, own);
  for (const other of ["$admin.system.users.bson", "surg/users.bson", "surg/x$admin.system.", ""])
    assert.equal(isAccounts(other), false, other);
});

test("bytes are written as mongodump writes them, but for a space", () => {
  assert.equal(escapeName("a ü+/\n"), "a%20%C3%BC%2B%2F%0A");
  assert.equal(mongodumpEscapeName("a ü+/\n"), "a+%C3%BC%2B%2F%0A");
});

test("a name of 238 characters is the longest that is not cut; ours are known when they are", () => {
  const whole = "x".repeat(238);
  assert.equal(escapeName(whole), whole);
  assert.equal(escapeName(`${whole}x`).length, 208 + 3 + 27);
  // A user's own name may end like a cut one.
  const like = `$${"h".repeat(27)}`;
  for (const name of [like, `${"y".repeat(100)}${like}`, `${"y".repeat(207)}${like}z`])
    assert.equal(unescapeName(escapeName(name)), name);
});

test("the metadata of a time series is named after it, where its buckets' name is cut after those", () => {
  for (const name of ["weather", "w".repeat(223)]) assert.equal(timeseriesMetadataName(name), name);
  const long = "w".repeat(224);
  assert.equal(timeseriesMetadataName(long), `system.buckets.${long}`);
});

test("only the end of a file's name says that it is Extended JSON", () => {
  for (const path of ["a/b.ejson", "a/b.ejson.gz", "a/b.ejson.zst"])
    assert.equal(encodingOf(path), "ejson", path);
  for (const path of ["a/b.bson", "a/b.ejson.bson", "a/b.ejson.bson.gz", "a/ejson"])
    assert.equal(encodingOf(path), "bson", path);
});

test("the longest name of a database has 63 characters; none that leads elsewhere gets a path", () => {
  assertDatabaseName("x".repeat(63));
  assert.throws(() => dataPath("..", "c", ""), { code: "damaged" });
  assert.throws(() => metadataPath("..", "c", "gzip"), { code: "damaged" });
});
