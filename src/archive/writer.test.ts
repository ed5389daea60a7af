import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { lstat, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { smallDisk } from "../../tests/support/small-disk.ts";
import { temporaryFolder } from "../../tests/support/temporary.ts";
import { createEncoder } from "../codec/create.ts";
import { sha256Of } from "../util/sha256.ts";
import { formatBackupId } from "./layout.ts";
import { isSealed } from "./seal.ts";
import { createPartial } from "./writer.ts";
import type { ManifestBody } from "./manifest.ts";
import type { Verification } from "./verification.ts";

const START = Date.UTC(2026, 10, 23, 2, 0, 0);
const nextId = (later: number) => formatBackupId(START + later * 1000, "UTC");
const gzip = createEncoder({ algorithm: "gzip", level: 1 });
// The writer passes both through unread.
const body = { schema: 1, id: "2026-11-23_02-00-00", note: "for a test" } as ManifestBody;
const verification = { schema: 1, id: body.id, ok: true } as Verification;

async function modes(folder: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of ["", ...(await readdir(folder, { recursive: true }))])
    found[name] = ((await lstat(join(folder, name))).mode & 0o777).toString(8);
  return found;
}

test("files are 0600 and folders 0700 under any umask", async (t) => {
  for (const mask of [0, 0o22, 0o77]) {
    const root = await temporaryFolder(t);
    const before = process.umask(mask);
    try {
      const partial = await createPartial(root, nextId);
      await (await partial.openDataFile("surg/a.bson.gz", gzip, 1)).close();
      await partial.writeFile("surg/a.metadata.json.gz", Buffer.from("x"));
      const { path } = await partial.seal(body, verification);
      assert.deepEqual(await modes(path), {
        "": "700",
        surg: "700",
        "surg/a.bson.gz": "600",
        "surg/a.metadata.json.gz": "600",
        "manifest.json": "600",
        "verification.json": "600",
      });
    } finally {
      process.umask(before);
    }
  }
});

test("a sealed backup has its own name, and its manifest is what was sealed", async (t) => {
  const root = await temporaryFolder(t);
  const partial = await createPartial(root, nextId);
  assert.deepEqual(await readdir(root), [".2026-11-23_02-00-00.partial"]);
  const { path, manifest } = await partial.seal(body, verification);
  assert.deepEqual(await readdir(root), ["2026-11-23_02-00-00"]);
  const text = await readFile(join(path, "manifest.json"), "utf8");
  assert.ok(isSealed(text));
  assert.deepEqual(JSON.parse(text), manifest);
});

test("a taken second moves the backup to the next free one", async (t) => {
  const root = await temporaryFolder(t);
  await mkdir(join(root, nextId(0)));
  await mkdir(join(root, `.${nextId(1)}.partial`));
  await mkdir(join(root, `${nextId(2)}.damaged`));
  const partial = await createPartial(root, nextId);
  assert.equal(partial.id, nextId(3));
});

test("backups begun at the same moment get folders of their own", async (t) => {
  const root = await temporaryFolder(t);
  const ids = await Promise.all(
    [1, 2, 3, 4].map(async () => (await createPartial(root, nextId)).id),
  );
  assert.equal(new Set(ids).size, 4);
});

test("what is given up leaves nothing, and what is set aside stays whole", async (t) => {
  const root = await temporaryFolder(t);
  const given = await createPartial(root, nextId);
  await given.writeFile("surg/a.metadata.json", Buffer.from("x"));
  await given.discard();
  assert.deepEqual(await readdir(root), []);
  const kept = await createPartial(root, nextId);
  await kept.writeFile("surg/a.metadata.json", Buffer.from("x"));
  const found = { schema: 1, id: kept.id, ok: false, level: "full", verifiedAt: "2026-11-23T02:00:00.000Z" } as const; // prettier-ignore
  const aside = await kept.setAsideAsDamaged(body, { ...found, seconds: 0, problems: [], collections: [] }); // prettier-ignore
  assert.deepEqual(aside, { path: join(root, "2026-11-23_02-00-00.damaged"), unnoted: null });
  assert.deepEqual(await readdir(root), ["2026-11-23_02-00-00.damaged"]);
});

test("a file of a manifest is told with its size and checksum", async (t) => {
  const partial = await createPartial(await temporaryFolder(t), nextId);
  const bytes = randomBytes(1000);
  assert.deepEqual(await partial.writeFile("surg/a.metadata.json", bytes), {
    path: "surg/a.metadata.json",
    bytes: 1000,
    sha256: sha256Of(bytes),
  });
});

test("no path leads out of the backup", async (t) => {
  const root = await temporaryFolder(t);
  const partial = await createPartial(root, nextId);
  for (const path of ["../x", "a/../../x", "/x", "a//x", "a/b/c", "..", ".", "", "a/..", "a/b\0"]) {
    await assert.rejects(partial.writeFile(path, Buffer.from("x")), { code: "damaged" }, path);
    await assert.rejects(partial.openDataFile(path, gzip, 1), { code: "damaged" }, path);
  }
  assert.deepEqual(await readdir(partial.path), []);
});

test("folders that a restarted dump cleared are made again", async (t) => {
  const partial = await createPartial(await temporaryFolder(t), nextId);
  await partial.writeFile("surg/a.metadata.json", Buffer.from("x"));
  await partial.clear();
  await partial.writeFile("surg/a.metadata.json", Buffer.from("y"));
  const { path } = await partial.seal(body, verification);
  assert.equal(await readFile(join(path, "surg/a.metadata.json"), "utf8"), "y");
});

test("a full disk is told as such by every step, and giving up leaves nothing", async (t) => {
  const root = await smallDisk(t);
  if (root === null) return;
  const partial = await createPartial(root, nextId);
  await partial.writeFile("surg/a.metadata.json", Buffer.from("x"));
  await writeFile(join(root, "fills"), Buffer.alloc(2 << 20)).catch(() => undefined);
  const full = { code: "disk-full" };
  await assert.rejects(partial.writeFile("surg/b.metadata.json", randomBytes(9000)), full);
  await assert.rejects(partial.seal(body, verification), full);
  await partial.discard();
  assert.deepEqual(await readdir(root), ["fills"]);
});
