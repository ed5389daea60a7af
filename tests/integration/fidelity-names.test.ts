// Every name that the server allows comes back, of collections and of databases; none gets out of the backup's folder.
import assert from "node:assert/strict";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { MongoServerError } from "mongodb";
import { dbHash } from "../support/fidelity.ts";
import { freshDatabase, uniqueName } from "../support/fresh-database.ts";
import { requires } from "../support/requires.ts";
import { atEnd } from "../support/temporary.ts";
import { rawCatalog, thereAndBack } from "../support/there-and-back.ts";
import { workspace } from "../support/workspace.ts";

/** What no server takes: how the test knows that it asks for everything. */
const REFUSED = ["", "..", ".hidden", "$(reboot)", "a$b", "nul\u0000in", "system.x"];

const HOSTILE = [
  "plain",
  "a/b",
  "a/../../etc/passwd",
  "-rf",
  "--help",
  "CON",
  "nul",
  "com1.bson",
  "%2e%2e",
  "%",
  "%24",
  "%%",
  "new\nline",
  "tab\tand\rreturn",
  "\u0001control\u001b[31m",
  "a.",
  "a.b.c",
  "with space",
  " leading and trailing ",
  "Ünïcode – Größe",
  "Ünïcode – Größe".normalize("NFD"),
  "手術",
  "💉🩺",
  "\u202eright to left",
  "a+b=c&d?e#f:g;h,i@j",
  "quote\"and'back\\slash`",
  "<script>alert(1)</script>",
  "*|~^{}[]()!",
  "{{template}}",
  "x.bson",
  "x.bson.gz",
  "x.metadata.json",
  "manifest.json",
  "verification.json",
  "oplog",
  "oplog.bson",
  "__proto__",
  "constructor",
  "tempusers",
  "Patients",
  "patients",
  "PATIENTS",
  "null",
  "0",
];

/** So long that their escaped names do not fit a file name: equal at the front, different at the end. */
const LONG = [
  "L".repeat(200),
  `${"ü".repeat(95)}a`,
  `${"ü".repeat(95)}b`,
  "手".repeat(60),
  "+".repeat(190),
];

requires(
  { topology: "replicaSet" },
  "collections of every hostile name come back, those that differ by case or normal form only too",
  async (t, fresh) => {
    for (const name of REFUSED)
      await assert.rejects(
        fresh.db.command({ create: name }),
        MongoServerError,
        `the server takes ${JSON.stringify(name)}: add it to the names`,
      );
    assert.ok(HOSTILE.length >= 40);
    for (const name of [...HOSTILE, ...LONG])
      await fresh.db.collection(name).insertOne({ of: name });
    const { backup, place } = await thereAndBack(t, fresh, { BACKUP_COMPRESSION: "none" });
    const path = String(backup.path);
    assert.deepEqual(
      (await readdir(path)).sort(),
      [fresh.name, "manifest.json", "verification.json"].sort(),
    );
    for (const file of await readdir(join(path, fresh.name))) {
      assert.match(file, /^(\$admin\.)?[\w.~%-]+$/);
      assert.ok((await lstat(join(path, fresh.name, file))).isFile());
    }
    for (const { name } of await rawCatalog(fresh)) {
      const found = await fresh.db.collection(name).findOne({}, { projection: { _id: 0 } });
      assert.deepEqual(found, { of: name });
    }
    const text = await place.run(["restore", "latest"]);
    assert.equal(text.code, 0);
    assert.equal(text.stdout.includes("\u001b[31m"), false, "no name reaches a terminal as it is");
    assert.equal(text.stdout.includes("new\nline"), false);
  },
);

requires(
  { topology: "replicaSet" },
  "the longest name that the server takes comes back",
  async (t, fresh) => {
    const name = "n".repeat(255 - fresh.name.length - 1);
    await fresh.db.collection(name).insertOne({ a: 1 });
    await assert.rejects(fresh.db.collection(`${name}n`).insertOne({ a: 1 }), MongoServerError);
    await thereAndBack(t, fresh);
  },
);

requires(
  { topology: "replicaSet" },
  "databases of every hostile name come back",
  async (t, fresh) => {
    const unique = uniqueName("n").slice(-12);
    const names = [
      "t*",
      "-rf",
      "%2e",
      "new\nline",
      "ünï",
      "手術",
      "<b>",
      "a|b",
      "c:d",
      "q?",
      "__proto__",
      "e'f`",
    ].map((name) => `${name}${unique}`);
    names.push(`${"l".repeat(63 - unique.length)}${unique}`);
    const { client } = await freshDatabase(t, fresh.serverUri);
    atEnd(t, async () => {
      for (const name of names) await fresh.client.db(name).dropDatabase();
    });
    for (const name of names) await client.db(name).collection("patients").insertOne({ name });
    const hashes = async () => {
      const found: [string, unknown][] = [];
      for (const name of names) found.push([name, await dbHash(client, name)]);
      return found;
    };
    const before = await hashes();
    const place = await workspace(t, { MONGODB_URI: fresh.serverUri });
    const chosen = names.flatMap((name) => [`--db=${name}`]);
    const backup = await place.run(["backup", "--json", ...chosen]);
    assert.equal(backup.code, 0, backup.stdout + backup.stderr);
    for (const name of names) await client.db(name).dropDatabase();
    const args = ["restore", String(backup.json().path), "--confirm", "--json"];
    const restored = await place.run(args);
    assert.equal(restored.code, 0, restored.stdout + restored.stderr);
    assert.deepEqual(await hashes(), before);
  },
);
