// Where a backup has the users and roles of a database: ours and mongodump's --dumpDbUsersAndRoles.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { OpenedBackup } from "../../archive/opened.ts";
import type { AccountFiles } from "./users.ts";

const OF_DATABASE = /^(?:\$|%24)admin\.system\.(users|roles)\.bson(\.gz|\.zst)?$/;
/** In the dump of all databases `admin` holds everybody's. */
const OF_ALL = /^system\.(users|roles)\.bson(\.gz|\.zst)?$/;

export async function accountFilesOf(
  backup: OpenedBackup,
  database: string,
): Promise<AccountFiles> {
  const folder = backup.databaseFolder ?? join(backup.path, database);
  const names = await readdir(folder).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    // The file of one collection has none.
    if (code === "ENOENT" || code === "ENOTDIR") return [] as string[];
    throw error;
  });
  const pattern = database === "admin" ? OF_ALL : OF_DATABASE;
  const pathOf = (kind: string) => {
    const name = names.find((n) => pattern.exec(n)?.[1] === kind);
    return name === undefined ? null : join(folder, name);
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
