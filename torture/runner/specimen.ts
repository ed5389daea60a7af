// A small sealed backup that is damaged repeatedly: its files in memory, rewritten after each trial, and the check of a
// damage: found by verify, refused by restore, nothing written to any server.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MongoClient } from "mongodb";
import type { CompressionAlgorithm } from "../../src/codec/codec.ts";
import { KeepError } from "../../src/errors.ts";
import { listBackups, restore } from "../../src/index.ts";
import { Secret } from "../../src/util/secret.ts";
import { verifyBackup } from "../../src/verify/verify.ts";
import { uniqueName } from "../../tests/support/fresh-database.ts";
import { quiet, SMALL_ID, smallBackup } from "../../tests/support/small-backup.ts";
import type { Ground } from "./ground.ts";

export const ALGORITHMS: readonly CompressionAlgorithm[] = ["gzip", "zstd", "none"];
/** Derived from the rest, with a checksum of its own: damage makes a backup unverified, not damaged. */
export const DERIVED = "verification.json";

export interface Specimen {
  readonly algorithm: CompressionAlgorithm;
  /** BACKUP_DIR. */
  readonly root: string;
  readonly path: string;
  /** By their paths in the backup, sorted. */
  readonly files: ReadonlyMap<string, Buffer>;
  readonly write: (file: string, bytes: Buffer) => Promise<void>;
  /** Every file as it was, and nothing else. */
  readonly mend: () => Promise<void>;
}

/** In memory where the system has such a folder: a hundred thousand damages wear no disk. */
export async function createSpecimen(
  ground: Ground,
  algorithm: CompressionAlgorithm,
): Promise<Specimen> {
  const memory = "/dev/shm";
  const root = await mkdtemp(join(existsSync(memory) ? memory : tmpdir(), "mongokeep-torture-"));
  ground.after(() => rm(root, { recursive: true, force: true }));
  const { path } = await smallBackup(root, algorithm);
  const names = await filesIn(path);
  const files = new Map<string, Buffer>();
  for (const name of names) files.set(name, await readFile(join(path, name)));
  const write = (file: string, bytes: Buffer) => writeFile(join(path, file), bytes);
  return {
    ...{ algorithm, root, path, files, write },
    async mend() {
      for (const name of await filesIn(path))
        if (!files.has(name)) await rm(join(path, name), { recursive: true, force: true });
      for (const [name, bytes] of files) await write(name, bytes);
    },
  };
}

async function filesIn(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(path.length + 1))
    .sort();
}

export interface DamageJudge {
  /** Verify must find it; with `restoring`, restore must refuse it before it writes anything. */
  found(specimen: Specimen, what: string, restoring: boolean): Promise<void>;
  /** Of the derived report: what is listed is what was listed before, or is not called verified. */
  notBelieved(specimen: Specimen, what: string): Promise<void>;
}

export async function createDamageJudge(ground: Ground): Promise<DamageJudge> {
  const uri = await ground.servers.second();
  const client = await new MongoClient(uri).connect();
  ground.after(() => client.close());
  return {
    async found(specimen, what, restoring) {
      const { ok } = await verifyBackup(specimen.path, "full", quiet());
      assert.equal(ok, false, `${what}: verify says that it is good`);
      if (restoring) await refuses(client, uri, specimen, what);
    },
    async notBelieved({ root }, what) {
      const { backups } = await listBackups({ settings: { backupDir: root } });
      const [one] = backups;
      assert.equal(one?.id, SMALL_ID, what);
      if (one.verification !== null) assert.deepEqual(one.verification.level, "full", what);
      assert.ok(one.state === "unverified" || one.state === "good", `${what}: ${one.state}`);
    },
  };
}

async function refuses(
  client: MongoClient,
  uri: string,
  { root, path }: Specimen,
  what: string,
): Promise<void> {
  const database = uniqueName("damaged");
  const settings = { uri: new Secret(uri), backupDir: root };
  const rename = new Map([["surg", database]]);
  const request = { settings, backup: path, rename, confirm: true, skipPreBackup: true };
  const ended = await restore(request).then(
    () => null,
    (error: unknown) => error,
  );
  assert.ok(ended instanceof KeepError, `${what}: restored, or ended otherwise: ${String(ended)}`);
  const written = await client.db(database).listCollections().toArray();
  assert.deepEqual(written, [], `${what}: refused (${ended.message}) after something was written`);
  // What a refused restore leaves is its record; a thousand of them slow down the next.
  await rm(join(root, "restores"), { recursive: true, force: true });
}
