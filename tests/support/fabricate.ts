// Sealed backups of small made-up files, through the archive's own writer, for tests that need no server.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { formatBackupId, VERIFICATION_FILE } from "../../src/archive/layout.ts";
import type { Manifest, ManifestBody } from "../../src/archive/manifest.ts";
import { formatVerification } from "../../src/archive/verification.ts";
import type { Verification } from "../../src/archive/verification.ts";
import { createPartial } from "../../src/archive/writer.ts";

export interface Fabricated {
  readonly id: string;
  readonly path: string;
  readonly manifest: Manifest;
}

const METADATA = JSON.stringify({
  options: {},
  indexes: [{ v: 2, key: { _id: 1 }, name: "_id_" }],
  collectionName: "operations",
  type: "collection",
});

/** A good backup that began at `createdAt` (UTC zone). */
export async function fabricateBackup(
  root: string,
  createdAt: string,
  changes: Partial<ManifestBody> = {},
): Promise<Fabricated> {
  const ms = Date.parse(createdAt);
  const partial = await createPartial(root, (later) => formatBackupId(ms + later * 1_000, "UTC"));
  const data = await partial.writeFile("surg/operations.bson", Buffer.from("not empty"));
  const metadata = await partial.writeFile("surg/operations.metadata.json", Buffer.from(METADATA));
  const body = bodyOf(partial.id, ms, [data, metadata]);
  const verification = verificationOf(partial.id, body.finishedAt, true);
  const { manifest, path } = await partial.seal({ ...body, ...changes }, verification);
  return { id: partial.id, path, manifest };
}

/** Writes a verification anew, as a later `verify` would. */
export async function reverify({ id, path, manifest }: Fabricated, ok: boolean): Promise<void> {
  const verification = verificationOf(id, manifest.finishedAt, ok);
  await writeFile(join(path, VERIFICATION_FILE), formatVerification(verification));
}

function bodyOf(id: string, ms: number, files: ManifestBody["files"]): ManifestBody {
  const storedBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const counts = { documents: 100, rawBytes: 5_000 };
  return {
    schema: 1,
    id,
    kind: "full",
    parent: null,
    createdAt: new Date(ms).toISOString(),
    finishedAt: new Date(ms + 1_500).toISOString(),
    type: "automatic",
    tier: [],
    note: null,
    tool: { name: "mongokeep", version: "0.1.0" },
    engine: "native",
    server: {
      version: "6.0.5",
      topology: "standalone",
      setName: null,
      featureCompatibilityVersion: "6.0",
    },
    scope: {
      server: "localhost:27017",
      hosts: ["localhost:27017"],
      databases: ["surg"],
      exclude: [],
    },
    databases: ["surg"],
    consistency: { mode: "none" },
    users: "not included",
    compression: { algorithm: "none", level: null },
    encryption: null,
    collections: [
      {
        database: "surg",
        name: "operations",
        type: "collection",
        ...counts,
        storedBytes: files[0]?.bytes ?? 0,
        contentHash: "0".repeat(32),
        consistency: "none",
        indexes: ["_id_"],
        files: files.map(({ path }) => path),
      },
    ],
    files,
    totals: { collections: 1, ...counts, storedBytes },
  };
}

function verificationOf(id: string, verifiedAt: string, ok: boolean): Verification {
  const problem = {
    file: "surg/operations.bson",
    chunk: 0,
    document: null,
    problem: "is cut short",
  };
  return {
    schema: 1,
    id,
    ok,
    level: "full",
    verifiedAt,
    seconds: 0.1,
    problems: ok ? [] : [problem],
    collections: [],
  };
}
