// What the backups do not promise. `status` prints it every time; it cannot be acknowledged yet.
import { hostname } from "node:os";
import type { Manifest } from "../../archive/manifest.ts";
import type { Settings } from "../../config/settings.ts";
import { firstFolder, sameDisk } from "../../storage/disk.ts";
import { formatBytes } from "../../util/units.ts";
import type { StatusFinding } from "./status-rules.ts";

const LARGE_BYTES = 10e9;
/** Where packages put the data. The server is not asked: status works without it; doctor asks. */
const USUAL_DATA_FOLDERS = ["/var/lib/mongodb", "/var/lib/mongo", "/data/db"];

export async function findNotes(
  settings: Settings,
  last: Manifest | null,
): Promise<StatusFinding[]> {
  const folder = await localDataFolder(settings.hosts);
  const shared = folder !== null && (await sameDisk(folder, settings.backupDir));
  return [
    ...settings.warnings.map((message) => note("setting", message, "See docs/settings.md.")),
    ...(shared ? [sameDiskNote(folder, settings.backupDir)] : []),
    ...(last ? manifestNotes(last) : []),
  ];
}

export function sameDiskNote(data: string, backups: string): StatusFinding {
  return note(
    "same-disk",
    `the backups in ${backups} lie on the same disk as the database (${data})`,
    "One broken disk takes both: copy the backups elsewhere, or set BACKUP_DIR to another disk.",
  );
}

export function isLocalHost(host: string): boolean {
  const name = host.replace(/:\d+$/, "").toLowerCase();
  return ["localhost", "127.0.0.1", "[::1]", "::1", hostname().toLowerCase()].includes(name);
}

/** Pure. */
export function manifestNotes(last: Manifest): StatusFinding[] {
  const { consistency, users, encryption, totals } = last;
  const found: (StatusFinding | false)[] = [
    consistency.mode === "none" &&
      note(
        "not-one-instant",
        "the last backup is not one instant over all collections",
        "Run MongoDB as a replica set (one member is enough): mongokeep doctor says how.",
      ),
    users === "not included" &&
      note(
        "users-not-included",
        "the last backup holds no users and roles",
        'Grant the role "backup" on "admin" to the user of the backups.',
      ),
    encryption === null &&
      note(
        "not-encrypted",
        "the backups are not encrypted",
        "Keep BACKUP_DIR on an encrypted disk, and let nobody else read it.",
      ),
    totals.rawBytes > LARGE_BYTES &&
      note(
        "large-without-incremental",
        `each backup reads all ${formatBytes(totals.rawBytes)}: this version has no incremental ones`,
        "Watch how long a night's run takes: mongokeep show latest.",
      ),
  ];
  const warned = (last.warnings ?? []).map((message) =>
    note(
      "backup-warning",
      `the last backup: ${message}`,
      "See rs.status() in mongosh, and the log of that backup; then run mongokeep backup.",
    ),
  );
  return [...found.filter((one) => one !== false), ...warned];
}

async function localDataFolder(hosts: readonly string[]): Promise<string | null> {
  if (!hosts.some(isLocalHost)) return null;
  return await firstFolder(USUAL_DATA_FOLDERS);
}

function note(code: string, message: string, hint: string): StatusFinding {
  return { code, message, hint };
}
