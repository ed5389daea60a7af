// Documents out of a backup on the command line, where no server is: a query in, lines out.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { smallBackup } from "../support/small-backup.ts";
import type { Cleanup } from "../support/temporary.ts";
import { workspace } from "../support/workspace.ts";

async function placeWithBackup(t: Cleanup, algorithm: "gzip" | "none" = "gzip") {
  const place = await workspace(t, {});
  await mkdir(place.backupDir, { mode: 0o700 });
  const backup = await smallBackup(place.backupDir, algorithm);
  return { place, path: backup.path, id: backup.manifest.id };
}

const idsOf = (text: string) =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => (JSON.parse(line) as { _id: { $numberInt: string } })._id.$numberInt);

test("documents come out as canonical Extended JSON, one a line, and nothing else", async (t) => {
  const { place, id } = await placeWithBackup(t);
  const run = await place.run([
    "extract",
    id,
    "--ns",
    "surg.patients",
    "--query",
    '{"_id": {"$gte": 2}}',
  ]);
  assert.equal(run.code, 0, run.stderr);
  assert.equal(
    run.stdout.split("\n")[0],
    '{"_id":{"$numberInt":"2"},"name":"patient 2","at":{"$date":{"$numberLong":"0"}},"ok":true}',
  );
  assert.deepEqual(idsOf(run.stdout), ["2", "3", "4"]);
  assert.doesNotMatch(run.stderr, /patient 2/);
  assert.match(run.stderr, /mongokeep extract ok backup=\S+ namespace=surg\.patients documents=3/);
  const some = await place.run(["extract", id, "--ns", "surg.patients", "--limit", "2"]);
  assert.deepEqual(idsOf(some.stdout), ["0", "1"]);
  const none = await place.run(["extract", id, "--ns", "surg.patients", "--query", '{"x": 1}']);
  assert.deepEqual([none.code, none.stdout], [0, ""]);
});

test("with --json they are in one object, also when there are none", async (t) => {
  const { place, id } = await placeWithBackup(t);
  const args = ["extract", id, "--ns", "surg.patients", "--json"];
  const { ok, namespace, documents } = (await place.run(args)).json();
  assert.deepEqual([ok, namespace, documents.length], [true, "surg.patients", 5]);
  assert.deepEqual(documents[1]._id, { $numberInt: "1" });
  const none = (await place.run([...args, "--query", '{"x": 1}'])).json();
  assert.deepEqual(none, { namespace: "surg.patients", documents: [], ok: true });
  const refused = await place.run([...args, "--query", '{"x": {"$near": 1}}']);
  assert.equal(refused.code, 2);
  assert.match(refused.json().error.message, /\$near/);
});

test("a collection that is not there is refused, with what is", async (t) => {
  const { place, id } = await placeWithBackup(t);
  const close = await place.run(["extract", id, "--ns", "patients"]);
  assert.equal(close.code, 2);
  assert.match(close.stderr, /Did you mean surg\.patients\?/);
});

test("damage ends it with exit 3, after the documents before it, and --json is still one object", async (t) => {
  const { place, path, id } = await placeWithBackup(t);
  const file = join(path, "surg", "patients.bson.gz");
  const bytes = await readFile(file);
  // The end of the second chunk: its checksum.
  bytes[bytes.length - 6] = (bytes.at(-6) ?? 0) ^ 0xff;
  await writeFile(file, bytes);
  const run = await place.run(["extract", id, "--ns", "surg.patients"]);
  assert.equal(run.code, 3);
  assert.deepEqual(idsOf(run.stdout), ["0", "1", "2"]);
  assert.match(run.stderr, /patients\.bson\.gz, chunk 1: /);
  const object = await place.run(["extract", id, "--ns", "surg.patients", "--json"]);
  assert.equal(object.code, 3);
  const { ok, documents, error } = object.json();
  assert.deepEqual([ok, documents.length, error.code], [false, 3, "damaged"]);
});

test("documents that are missing from a file without checksums are noticed", async (t) => {
  const { place, path, id } = await placeWithBackup(t, "none");
  const file = join(path, "surg", "operations.bson");
  const bytes = await readFile(file);
  await writeFile(file, bytes.subarray(0, bytes.readInt32LE(0)));
  const run = await place.run(["extract", id, "--ns", "surg.operations"]);
  assert.equal(run.code, 3);
  assert.match(run.stderr, /1 documents instead of 2/);
});

test("a reader that goes away ends it quietly", async (t) => {
  const { place, id } = await placeWithBackup(t);
  const main = resolve(import.meta.dirname, "../../src/cli/main.ts");
  const script =
    '"$0" "$1" extract "$2" --ns surg.patients --quiet | true; echo "${PIPESTATUS[0]}"';
  const { stdout, stderr } = await promisify(execFile)(
    "bash",
    ["-c", script, process.execPath, main, id],
    { cwd: place.folder },
  );
  assert.deepEqual([stdout, stderr], ["0\n", ""]);
});

test("a pattern that would backtrack forever is refused, and one that can match is used", async (t) => {
  const { place, id } = await placeWithBackup(t);
  const query = (pattern: string) => JSON.stringify({ name: { $regex: pattern } });
  const find = (pattern: string) =>
    place.run(["extract", id, "--ns", "surg.patients", "--query", query(pattern)]);
  const run = await find("^(.?){60}X$");
  assert.equal(run.code, 2, run.stderr);
  assert.match(
    run.stderr,
    /the query takes over 4 s for a few documents\n.*a repeat inside a repeat/,
  );
  assert.deepEqual(idsOf((await find("^(.?){60}$")).stdout), ["0", "1", "2", "3", "4"]);
});
