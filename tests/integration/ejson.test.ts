// The engine that writes a line of Extended JSON for each document: read by everybody, restored byte for byte, and
// what JSON cannot keep is refused when it is backed up.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BSON } from "mongodb";
import { dbHash } from "../support/fidelity.ts";
import { insertRaw, rawOddities } from "../support/raw-insert.ts";
import { requires } from "../support/requires.ts";
import { workspace } from "../support/workspace.ts";

const RS = { topology: "replicaSet" } as const;

requires(RS, "zcat shows a document a line, as JSON", async (t, fresh) => {
  const place = await workspace(t, { MONGODB_URI: fresh.uri, BACKUP_ENGINE: "ejson" });
  const documents = Array.from({ length: 3_000 }, (_, n) => ({
    _id: n as never,
    name: `Zoë\u2028 ${n}\nline`,
    at: new Date(n),
  }));
  await fresh.db.collection("patients").insertMany(documents);
  const backup = await place.run(["backup", "--json"]);
  assert.equal(backup.code, 0, backup.stderr);
  const { path, engine, consistency } = backup.json();
  assert.deepEqual([engine, consistency.mode], ["ejson", "snapshot"]);
  const text = execFileSync("zcat", [join(path, fresh.name, "patients.ejson.gz")]).toString("utf8");
  const lines = text.trimEnd().split(/\r\n|[\n\r\u2028\u2029\u0085]/);
  assert.deepEqual(
    lines.map((line) => BSON.EJSON.parse(line)),
    documents,
  );
  const found = await place.run([
    "extract",
    "latest",
    "--ns",
    `${fresh.name}.patients`,
    "--query",
    '{"_id": 7}',
  ]);
  assert.equal(found.stdout.trim(), lines[7]);
  const same = await place.run(["diff", "latest", "--live", "--json"]);
  assert.equal(same.json().equal, true, same.stdout);
});

requires(RS, "a document that JSON cannot keep fails the backup by name", async (t, fresh) => {
  const place = await workspace(t, { MONGODB_URI: fresh.uri, BACKUP_ENGINE: "ejson" });
  await insertRaw(fresh.serverUri, fresh.name, "oddities", rawOddities());
  const backup = await place.run(["backup", "--json"]);
  assert.equal(backup.code, 1, backup.stdout);
  const { message, hint } = backup.json().error;
  assert.match(message, /\.oddities: document \d+, .*holds what JSON cannot keep: .*NaN/);
  assert.match(hint, /native/);
  assert.deepEqual(
    (await place.backupNames()).filter((name) => name.includes("20")),
    [],
  );
  assert.equal((await place.run(["backup", "--engine", "native"])).code, 0);
});

requires(
  RS,
  "lines longer than a chunk restore, and a flipped bit in one is found",
  async (t, fresh) => {
    const place = await workspace(t, { MONGODB_URI: fresh.uri, BACKUP_COMPRESSION: "none" });
    // 15 MB of small numbers are over 70 MB of text.
    const long = Array.from({ length: 1_300_000 }, (_, n) => n % 10);
    await fresh.db.collection("long").insertMany([{ long }, { short: 1 }]);
    const before = await dbHash(fresh.client, fresh.name);
    const backup = await place.run(["backup", "--json", "--engine", "ejson"]);
    assert.equal(backup.code, 0, backup.stderr);
    await fresh.db.collection("long").deleteMany({});
    const restored = await place.run(["restore", "latest", "--confirm", "--json"]);
    assert.equal(restored.code, 0, restored.stdout);
    assert.deepEqual(await dbHash(fresh.client, fresh.name), before);

    const file = join(backup.json().path, fresh.name, "long.ejson");
    const bytes = await readFile(file);
    // A digit of a number becomes another one: still JSON, and another document.
    const at = bytes.indexOf('"7"', bytes.length >> 1) + 1;
    bytes.writeUInt8(0x36, at);
    await writeFile(file, bytes);
    const verified = await place.run(["verify", backup.json().id, "--json"]);
    assert.equal(verified.code, 3, verified.stdout);
  },
);
