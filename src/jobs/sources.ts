// The namespaces of an opened backup, as a plan takes them. Users, roles and versions in `admin` are not
// among them: dropping these would lock everybody out. They are merged (restore/users.ts). The server's own state
// in `config` and `local` is not either.
import type { OpenedBackup } from "../archive/reader.ts";
import { isInternal } from "../mongo/namespaces.ts";
import type { SourceNamespace } from "../restore/plan.ts";

export function toSource(backup: OpenedBackup | null): SourceNamespace[] {
  const collections = (backup?.collections ?? []).filter((c) => !isServersOwn(c));
  const indexes = new Map(
    backup?.manifest?.collections.map((c) => [`${c.database}.${c.name}`, c.indexes.length]),
  );
  return collections.map(({ database, name, type, expected }) => ({
    database,
    name,
    type,
    documents: expected?.documents ?? null,
    rawBytes: expected?.rawBytes ?? null,
    contentHash: expected?.contentHash ?? null,
    indexes: indexes.get(`${database}.${name}`) ?? null,
  }));
}

/** Neither planned nor replayed. */
export const isServersOwn = (c: Named): boolean =>
  isServersState(c) || (c.database === "admin" && c.name.startsWith("system."));

interface Named {
  readonly database: string;
  readonly name: string;
}

/**
 * What stock dumps of whole deployments have besides data: sessions, transactions, migrations of the server
 * that was dumped. None of it is true of another one, or later. What `config` says of the cluster is.
 */
export function isServersState({ database, name }: Named): boolean {
  return database === "local" || (database === "config" && isInternal(database, name));
}
