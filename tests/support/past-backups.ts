// Backups of earlier nights without waiting for them: a real backup, dated back, its data files shared by
// hard links. Manifest and verification are sealed anew by the archive's own functions, so they count as good.
import { link, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Temporal } from "temporal-polyfill";
import { formatBackupId, MANIFEST_FILE, VERIFICATION_FILE } from "../../src/archive/layout.ts";
import type { Manifest, ManifestBody, TierMark } from "../../src/archive/manifest.ts";
import { formatManifest } from "../../src/archive/seal.ts";
import { formatVerification, parseVerification } from "../../src/archive/verification.ts";

/** Copies the backup at `path` as one of `createdAtMs`; returns the new one's path. */
export async function writePastBackup(
  path: string,
  createdAtMs: number,
  zone: string,
  changes: Partial<ManifestBody> = {},
): Promise<string> {
  const { sha256: _, ...body } = await readJson(join(path, MANIFEST_FILE));
  const id = formatBackupId(createdAtMs, zone);
  const target = join(dirname(path), id);
  await linkTree(path, target);
  const lastedMs = Date.parse(body.finishedAt) - Date.parse(body.createdAt);
  const past: ManifestBody = {
    ...body,
    id,
    type: "automatic",
    note: null,
    tier: tierMarks(createdAtMs, zone),
    createdAt: new Date(createdAtMs).toISOString(),
    finishedAt: new Date(createdAtMs + lastedMs).toISOString(),
    ...changes,
  };
  await writePrivate(join(target, MANIFEST_FILE), formatManifest(past).text);
  await writeVerification(path, target, past.finishedAt);
  return target;
}

async function writeVerification(from: string, to: string, verifiedAt: string): Promise<void> {
  const verification = parseVerification(await readFile(join(from, VERIFICATION_FILE), "utf8"));
  if (!verification) throw new Error(`${from} has no sound ${VERIFICATION_FILE}`);
  const past = { ...verification, id: basename(to), verifiedAt };
  await writePrivate(join(to, VERIFICATION_FILE), formatVerification(past));
}

/** All files but the two that are written anew. */
async function linkTree(from: string, to: string): Promise<void> {
  await mkdir(to, { mode: 0o700 });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkTree(source, target);
    else if (entry.name !== MANIFEST_FILE && entry.name !== VERIFICATION_FILE) {
      await link(source, target);
    }
  }
}

function tierMarks(ms: number, zone: string): TierMark[] {
  const { dayOfWeek, day } = Temporal.Instant.fromEpochMilliseconds(ms).toZonedDateTimeISO(zone);
  return [
    ...(dayOfWeek === 7 ? (["weekly"] as const) : []),
    ...(day === 1 ? (["monthly"] as const) : []),
  ];
}

function writePrivate(path: string, text: string): Promise<void> {
  return writeFile(path, text, { mode: 0o600, flag: "wx" });
}

async function readJson(path: string): Promise<Manifest> {
  return JSON.parse(await readFile(path, "utf8")) as Manifest;
}
