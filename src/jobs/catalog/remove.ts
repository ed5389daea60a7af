// `delete`: one backup goes for good. The only way for a manual one.
import { warn } from "../../events.ts";
import { listCatalog } from "../../archive/catalog.ts";
import type { CatalogEntry } from "../../archive/catalog.ts";
import { resolveBackup } from "../../archive/resolve.ts";
import { KeepError } from "../../errors.ts";
import { openBackupDir } from "../../storage/backup-dir.ts";
import type { JobContext } from "../context.ts";
import { bytesIn, deleteFolder } from "./delete-folder.ts";
import { holdFolder } from "../hold-folder.ts";
import type { DeleteResult } from "../results.ts";
import { explainPin, groupOf } from "./retention-items.ts";

/**
 * `id` names a backup of the backup folder; without `confirm` nothing is changed.
 * @throws KeepError backup-not-found, usage (a path, or needed by a restore), locked
 */
export async function removeBackup(
  context: JobContext,
  id: string,
  confirm: boolean,
): Promise<DeleteResult> {
  if (!confirm) return await plan(context, id);
  await openBackupDir(context.settings.backupDir);
  await using held = await holdFolder(context, { command: "delete", waitMs: 0 });
  const { path } = await find(held.context, id);
  const freedBytes = await deleteFolder(held.context, path);
  return { ok: true, planned: false, deleted: true, id, path, freedBytes };
}

async function plan(context: JobContext, id: string): Promise<DeleteResult> {
  const { path } = await find(context, id);
  const freedBytes = await bytesIn(context.place.storage, path);
  return { ok: true, planned: true, deleted: false, id, path, freedBytes };
}

async function find(context: JobContext, id: string): Promise<CatalogEntry> {
  const root = context.settings.backupDir;
  const entries = await listCatalog(root, context.place);
  const entry = entries.find((e) => e.id === id && e.state !== "partial");
  if (!entry) throw await explainMiss(context, id);
  const child = entries.find(({ manifest }) => manifest?.parent === id);
  const pin = await explainPin(context, id, entries);
  const reason = pin?.reason ?? (child ? `the backup ${child.id} builds on it` : null);
  if (reason !== null)
    throw new KeepError("usage", `the backup ${id} cannot be deleted: ${reason}`, {
      hint: pin?.hint ?? `Delete ${child?.id ?? ""} first.`,
    });
  if (isOnlyGood(entry, entries)) tellOnly(context, id);
  return entry;
}

/** A path or `latest` names one too, but too easily the wrong one. */
async function explainMiss(context: JobContext, ref: string): Promise<KeepError> {
  const { settings, clock } = context;
  const wanted = { hosts: settings.hosts, databases: settings.databases, exclude: [] };
  try {
    const root = settings.backupDir;
    const { path } = await resolveBackup(root, ref, wanted, clock.now(), context.place);
    const message = `delete takes the id of a backup in ${settings.backupDir}, not ${JSON.stringify(ref)}`;
    return new KeepError("usage", message, {
      hint: `mongokeep list shows the ids. ${JSON.stringify(ref)} is ${path}.`,
    });
  } catch (error) {
    if (error instanceof KeepError) return error;
    throw error;
  }
}

function isOnlyGood(entry: CatalogEntry, entries: readonly CatalogEntry[]): boolean {
  const { manifest } = entry;
  if (entry.state !== "good" || !manifest) return false;
  const group = groupOf(manifest.scope);
  return !entries.some(
    (e) => e !== entry && e.state === "good" && e.manifest && groupOf(e.manifest.scope) === group,
  );
}

function tellOnly({ emit }: JobContext, id: string): void {
  const message = `${id} is the only good backup of its data`;
  warn(emit, "only-good-backup", message);
}
