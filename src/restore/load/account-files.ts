// Where a backup has the users and roles of a database: ours and mongodump's --dumpDbUsersAndRoles.
import { join } from "node:path";
import type { OpenedBackup } from "../../archive/opened.ts";
import { fileAt } from "../../archive/place.ts";
import { refusalOf } from "../../storage/refusal.ts";
import type { Entry } from "../../storage/storage.ts";
import type { AccountFiles } from "./users.ts";

const OF_DATABASE = /^(?:\$|%24)admin\.system\.(users|roles)\.bson(\.gz|\.zst)?$/;
/** In the dump of all databases `admin` holds everybody's. */
const OF_ALL = /^system\.(users|roles)\.bson(\.gz|\.zst)?$/;

export async function accountFilesOf(
  backup: OpenedBackup,
  database: string,
): Promise<AccountFiles> {
  const folder = backup.databaseFolder ?? join(backup.path, database);
  const entries = await backup.place.storage.list(folder).catch((error: unknown): Entry[] => {
    const refusal = refusalOf(error);
    // The file of one collection has none.
    if (refusal === "missing" || refusal === "not-a-folder") return [];
    throw error;
  });
  const pattern = database === "admin" ? OF_ALL : OF_DATABASE;
  const pathOf = (kind: string) => {
    const found = entries.find(({ name }) => pattern.exec(name)?.[1] === kind);
    return found === undefined ? null : fileAt(backup.place, join(folder, found.name));
  };
  return { database, users: pathOf("users"), roles: pathOf("roles") };
}

/** The databases of the backup that come with users and roles. */
export async function databasesWithAccounts(backup: OpenedBackup): Promise<string[]> {
  const databases = [...new Set(backup.collections.map((c) => c.database))];
  const found: string[] = [];
  for (const database of databases) {
    const { users, roles } = await accountFilesOf(backup, database);
    if (users !== null || roles !== null) found.push(database);
  }
  return found;
}
