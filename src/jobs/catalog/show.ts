// One backup in full: of the backup folder, or a folder anywhere else.
import { describeFolder, listCatalog } from "../../archive/catalog.ts";
import { openBackup } from "../../archive/reader.ts";
import { resolveBackup } from "../../archive/resolve.ts";
import { KeepError } from "../../errors.ts";
import type { JobContext } from "../context.ts";
import { readExpiry, toListed } from "./list.ts";
import type { ShowResult } from "../results.ts";

/** `ref`: an id, a path, or "latest". @throws KeepError backup-not-found */
export async function showBackup(context: JobContext, ref: string): Promise<ShowResult> {
  const { settings, clock, place } = context;
  const { hosts, databases, backupDir } = settings;
  const wanted = { hosts, databases, exclude: [] };
  const found = await resolveBackup(backupDir, ref, wanted, clock.now(), place);
  if (found.isArchive)
    throw new KeepError("usage", `${found.path} is an archive of mongodump, without a manifest`, {
      hint: "mongokeep restore with its path, without --confirm, shows what is in it; mongokeep verify checks it.",
    });
  const entry = found.entry ?? (await describeFolder(found.path, place));
  const expiry = found.entry && (await readExpiry(context, await listCatalog(backupDir, place)));
  const listed = toListed(entry, expiry?.get(entry.id) ?? null);
  const { manifest, draft = null, verification } = entry;
  const contents =
    manifest || draft || found.entry ? null : await readContents(context, found.path);
  return { ok: true, ...listed, manifest, draft, problems: verification?.problems ?? [], contents };
}

/** null: no stock dump either. */
async function readContents(
  { place, signal }: JobContext,
  path: string,
): Promise<ShowResult["contents"]> {
  try {
    const { collections, hasOplog } = await openBackup(path, place, signal);
    return { collections: collections.map((c) => `${c.database}.${c.name}`), hasOplog };
  } catch (error) {
    if (error instanceof KeepError) return null;
    throw error;
  }
}
