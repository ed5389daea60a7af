// The namespaces of an opened backup, as a plan takes them. Users, roles and versions in `admin` are not
// among them: dropping these would lock everybody out. They are merged (restore/users.ts). The server's own state
// in `config` and `local` is not either.
import type { VerifiedCollection } from "../../../archive/verification.ts";
import { namesOutsideInstant } from "../../../archive/manifest.ts";
import type { OpenedBackup } from "../../../archive/opened.ts";
import { warn } from "../../../events.ts";
import type { Emit } from "../../../events.ts";
import { hasOwnForm } from "../../../mongo/own-collections.ts";
import { ownerOf } from "../../../mongo/servers-own.ts";
import type { Owner } from "../../../mongo/servers-own.ts";
import type { RestorePlan, SourceNamespace } from "../../../restore/plan/plan.ts";

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
export const isServersOwn = ({ database, name }: Named): boolean =>
  ownerOf(database, name) !== "data";

interface Named {
  readonly database: string;
  readonly name: string;
}

/**
 * What stock dumps have besides data: sessions, transactions, migrations, profiles, catalogs of the server that was
 * dumped. None of it is true of another one, or later. What `config` says of the cluster is.
 */
const isServersState = ({ database, name }: Named): boolean =>
  ["server", "stray"].includes(ownerOf(database, name));

/** Whole names of what a backup holds and no restore brings back. Only dumps of others have such. */
export const leftByRestore = (backup: OpenedBackup): string[] =>
  [...backup.collections.filter(isServersState), ...ownIn(backup)].map(
    ({ database, name }) => `${database}.${name}`,
  );

/** Says what a restore does not bring back. */
export function warnOfLeftOut(emit: Emit, backup: OpenedBackup): void {
  const tell = (code: string, what: string, left: OpenedBackup["collections"]) => {
    if (left.length === 0) return;
    const names = left.map((c) => `${c.database}.${c.name}`).join(", ");
    warn(emit, code, `${what} is not restored: ${names}`);
  };
  const of = (owner: Owner) =>
    backup.collections.filter((c) => ownerOf(c.database, c.name) === owner);
  tell("servers-state-left-out", "the server's own state", of("server"));
  tell("strays-left-out", "what was put into databases of the server", of("stray"));
  tell("own-left-out", "what restores had kept beside the data", ownIn(backup));
}

/** The message for a backup from which a restore would bring nothing back. */
export function describeNothing(backup: OpenedBackup): string {
  const left = leftByRestore(backup);
  const because = left.length === 0 ? "" : `: ${left.join(", ")} is not restored`;
  return `${backup.id} holds nothing that a restore brings back${because}`;
}

/** The collections of a plan that were not read at the instant of its backup, by their names in the plan. */
export function outsideInstantOf(
  backup: OpenedBackup | null,
  { collections }: Pick<RestorePlan, "collections">,
): string[] {
  if (!backup?.manifest) return [];
  const outside = new Set(namesOutsideInstant(backup.manifest));
  return collections
    .filter(({ source }) => outside.has(`${source.database}.${source.name}`))
    .map(({ namespace }) => namespace);
}
