// The namespaces of an opened backup, as a plan takes them. Users, roles and versions in `admin` are not
// among them: dropping these would lock everybody out. They are merged (restore/users.ts). The server's own state
// in `config` and `local` is not either.
import type { OpenedBackup } from "../archive/reader.ts";
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

const isServersOwn = (c: { database: string; name: string }) =>
  isServersState(c) || (c.database === "admin" && c.name.startsWith("system."));

/**
 * What stock dumps of whole deployments have besides data: sessions, transactions, migrations of the server
 * that was dumped. None of it is true of another one, or later.
 */
export function isServersState({ database }: { readonly database: string }): boolean {
  return database === "config" || database === "local";
}
