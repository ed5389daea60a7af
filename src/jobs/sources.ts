// The namespaces of an opened backup, as a plan takes them. Users, roles and versions in `admin` are not
// among them: dropping these would lock everybody out. They are merged (restore/users.ts). The server's own state
// in `config` and `local` is not either.
import type { VerifiedCollection } from "../archive/verification.ts";
import type { OpenedBackup } from "../archive/opened.ts";
import { isInternal } from "../mongo/namespaces.ts";
import { hasOwnForm } from "../mongo/own-collections.ts";
import type { SourceNamespace } from "../restore/plan.ts";

/** `found`: what a verification counted in a stock dump, which promises nothing itself. */
export function toSource(
  backup: OpenedBackup | null,
  found: readonly VerifiedCollection[] = [],
): SourceNamespace[] {
  const left = new Set(ownIn(backup));
  const collections = (backup?.collections ?? []).filter((c) => !isServersOwn(c) && !left.has(c));
  const indexes = new Map(
    backup?.manifest?.collections.map((c) => [`${c.database}.${c.name}`, c.indexes.length]),
  );
  const counted = new Map(found.map((c) => [`${c.database}.${c.name}`, c]));
  return collections.map(({ database, name, type, expected }) => {
    const known = expected ?? counted.get(`${database}.${name}`);
    return {
      database,
      name,
      type,
      documents: known?.documents ?? null,
      rawBytes: known?.rawBytes ?? null,
      contentHash: expected?.contentHash ?? null,
      indexes: indexes.get(`${database}.${name}`) ?? null,
      newestId: type === "collection" ? (known?.newestId ?? null) : null,
    };
  });
}

/** What restores had kept beside the live data, and a dump of others took for data: markers above all. */
export const ownIn = (backup: OpenedBackup | null): OpenedBackup["collections"] =>
  backup?.manifest === null ? backup.collections.filter((c) => hasOwnForm(c.name)) : [];

/** Neither planned nor replayed. */
export const isServersOwn = (c: Named): boolean =>
  isServersState(c) || (c.database === "admin" && c.name.startsWith("system."));

interface Named {
  readonly database: string;
  readonly name: string;
}

/**
 * What stock dumps have besides data: sessions, transactions, migrations, profiles, catalogs of the server that was
 * dumped. None of it is true of another one, or later. What `config` says of the cluster is.
 */
export function isServersState({ database, name }: Named): boolean {
  if (database === "local") return true;
  if (database === "config") return isInternal(database, name);
  return database !== "admin" && name.startsWith("system.") && !OWN_TO_USERS.includes(name);
}

/** Stored functions, and the users of MongoDB 2.4, which are data to every later server. */
const OWN_TO_USERS: readonly string[] = ["system.js", "system.users"];
