// The namespaces of an opened backup, as a plan takes them.
import type { OpenedBackup } from "../archive/reader.ts";
import type { SourceNamespace } from "../restore/plan.ts";

export function toSource(backup: OpenedBackup | null): SourceNamespace[] {
  return (backup?.collections ?? []).map(({ database, name, type, expected }) => ({
    database,
    name,
    type,
    documents: expected?.documents ?? null,
    rawBytes: expected?.rawBytes ?? null,
    contentHash: expected?.contentHash ?? null,
  }));
}
