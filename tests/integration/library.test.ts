// The library as a program without checked types calls it.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import * as library from "../../src/index.ts";
import { freshDatabase } from "../support/fresh-database.ts";
import { temporaryFolder } from "../support/temporary.ts";

const { backup, diff, KeepError, listBackups, restore } = library;

const isKeep = (code: string) => (error: unknown) =>
  error instanceof KeepError && error.code === code;

test("plain settings are enough for a backup and a list of it", async (t) => {
  const fresh = await freshDatabase(t);
  await fresh.db.collection("patients").insertOne({ a: 1 });
  const backupDir = join(await temporaryFolder(t), "backups");
  const settings = { uri: fresh.uri, backupDir, diskWarnFreeBytes: 0, diskAbortFreeBytes: 0 };
  const made = await backup({ settings });
  const { backups } = await listBackups({ settings });
  assert.deepEqual(
    backups.map(({ id, isLatest }) => [id, isLatest]),
    [[made.id, true]],
  );
});

test("missing options and wrong settings are a KeepError, and nothing is made", async (t) => {
  const folder = await temporaryFolder(t);
  const plain = library as unknown as Record<
    "restore" | "diff",
    (options?: object) => Promise<unknown>
  >;
  for (const options of [undefined, {}, { backup: 7 }, { backup: "" }]) {
    await assert.rejects(plain.restore(options), isKeep("usage"));
    await assert.rejects(plain.diff(options), isKeep("usage"));
  }
  const settings = { backupDir: join(folder, "b"), nice: 99 };
  await assert.rejects(backup({ settings }), isKeep("bad-setting"));
  await assert.rejects(restore({ backup: "latest", settings }), isKeep("bad-setting"));
  await assert.rejects(diff({ backup: "latest", settings }), isKeep("bad-setting"));
  assert.deepEqual(await readdir(folder), []);
});

test("whatever a signal aborts with, the job ends with a KeepError", async (t) => {
  const fresh = await freshDatabase(t);
  await fresh.db.collection("patients").insertOne({ a: 1 });
  const backupDir = join(await temporaryFolder(t), "backups");
  const settings = { uri: fresh.uri, backupDir, diskWarnFreeBytes: 0, diskAbortFreeBytes: 0 };
  await assert.rejects(backup({ settings, signal: AbortSignal.abort() }), isKeep("interrupted"));
  const controller = new AbortController();
  const onEvent = (event: { readonly kind: string }) => {
    if (event.kind === "step") controller.abort(new Error("enough"));
  };
  await assert.rejects(
    backup({ settings, signal: controller.signal, onEvent }),
    isKeep("interrupted"),
  );
  const own = new KeepError("terminated", "mine");
  await assert.rejects(backup({ settings, signal: AbortSignal.abort(own) }), own);
});
