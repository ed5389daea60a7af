// What a dump takes: the databases, and in them the namespaces.
import { KeepError } from "../errors.ts";
import type { Emit } from "../events.ts";
import type { Deployment } from "../mongo/deployment.ts";
import { assertNotEmpty, listDatabaseNames, listNamespaces } from "../mongo/namespaces.ts";
import type { NamespaceInfo } from "../mongo/namespaces.ts";
import { hasOwnForm } from "../mongo/own-collections.ts";
import { isServersDatabase, ownerOf } from "../mongo/servers-own.ts";
import type { TakenNamespaces } from "../oplog/followed-names.ts";
import { findBucketless, isTemporary } from "./consistency.ts";

/** What of a deployment is dumped. */
export interface Selection {
  /** null: all databases but `local`; of `config` the cluster's settings (mongo/namespaces.ts). */
  readonly databases: readonly string[] | null;
  /** Namespaces to leave out: `database.collection`, or a database's name for all of it. */
  readonly exclude: readonly string[];
  /** null: all namespaces; else only these. Missing ones are no error. */
  readonly only: readonly string[] | null;
  /** Users and roles of the databases too. */
  readonly accounts: boolean;
  /** A database without collections is no error (the state before a restore into nothing). */
  readonly allowEmpty: boolean;
}

export interface Listing {
  readonly databases: readonly string[];
  readonly namespaces: readonly NamespaceInfo[];
  /** Of all databases, the one that is left out because the user may not list it. */
  readonly unreadable: KeepError | null;
  /** Whole names of temporary collections: the server drops them at its next start. */
  readonly temporary: readonly string[];
  /** What `exclude` names and is not there: perhaps misspelt. */
  readonly unmatched: readonly string[];
}

/** @throws KeepError database-empty, rights-missing, not-in-this-version (a time series without buckets) */
export async function listSelected(
  deployment: Deployment,
  selection: Selection,
  signal: AbortSignal,
): Promise<Listing> {
  const databases: string[] = [];
  const temporary: string[] = [];
  const wanted = (n: NamespaceInfo) => isSelected(selection, n.database, n.name);
  const namespaces: NamespaceInfo[] = [];
  const present = new Set<string>();
  let unreadable: KeepError | null = null;
  for (const database of selection.databases ?? (await allDatabases(deployment))) {
    const isSettings = selection.databases === null && database === SETTINGS;
    const all = await listNamespaces(deployment.client, database, signal).catch(
      (error: unknown) => {
        if (!isSettings || !isRightsMissing(error)) throw error;
        unreadable = error;
        return [];
      },
    );
    if (!selection.allowEmpty && selection.databases) assertNotEmpty(database, all);
    if (!isSettings || all.length > 0) databases.push(database);
    for (const name of [database, ...all.map((n) => `${database}.${n.name}`)]) present.add(name);
    for (const n of all.filter(wanted))
      if (isTemporary(n)) temporary.push(`${n.database}.${n.name}`);
      else namespaces.push(n);
  }
  if (namespaces.length === 0 && !selection.allowEmpty)
    throw new KeepError(
      "database-empty",
      "nothing is left to back up: every namespace is excluded",
    );
  assertBuckets(namespaces);
  const unmatched = selection.exclude.filter((name) => !present.has(name));
  return { databases, namespaces, unreadable, temporary, unmatched };
}

function assertBuckets(namespaces: readonly NamespaceInfo[]): void {
  const [first] = findBucketless(namespaces);
  if (first === undefined) return;
  throw new KeepError("not-in-this-version", `${first} is a time series without buckets to read`, {
    hint: `Exclude it (--exclude ${first}), and back it up with the tools of its server.`,
  });
}

/** Roles for all databases, like readAnyDatabase, leave it out; "backup" does not. */
const SETTINGS = "config";

const isRightsMissing = (error: unknown): error is KeepError =>
  error instanceof KeepError && error.code === "rights-missing";

/** By the settings alone. */
function isSelected(selection: Selection, database: string, name: string): boolean {
  const whole = `${database}.${name}`;
  return (
    !selection.exclude.includes(database) &&
    !selection.exclude.includes(whole) &&
    (selection.only === null || selection.only.includes(whole))
  );
}

/** What of the oplog concerns a backup: the same namespaces, also those that come into being after the listing. */
export function takenBy(selection: Selection, listing: Listing): TakenNamespaces {
  const listed = new Set(listing.namespaces.map((n) => `${n.database}.${n.name}`));
  // The cluster's settings are kept as they were read.
  const database = (name: string) =>
    !isServersDatabase(name) && (selection.databases?.includes(name) ?? true);
  return {
    database,
    collection: (of, name) =>
      database(of) &&
      isSelected(selection, of, name) &&
      // A change of the feature compatibility version is followed, because no replay may make it.
      (ownerOf(of, name) === "data" || `${of}.${name}` === "admin.system.version") &&
      // What a restore puts beside the live collections; one without a marker is the user's, and listed.
      (!hasOwnForm(name) || listed.has(`${of}.${name}`)),
    temporary: new Set(listing.temporary),
  };
}

async function allDatabases(deployment: Deployment): Promise<string[]> {
  const names = await listDatabaseNames(deployment.client);
  return names.filter((name) => name !== "local");
}

/** Says what the listing does not hold although it may have been meant. */
export function warnOfListing({ unreadable, unmatched }: Listing, emit: Emit): void {
  const warn = (code: string, message: string) => {
    emit({ kind: "log", level: "warn", code, message });
  };
  if (unreadable)
    warn("config-not-included", `the cluster's settings in config are not in this backup: ${unreadable.message}`); // prettier-ignore
  for (const name of unmatched)
    warn("exclude-unmatched", `${JSON.stringify(name)} is to be excluded, and does not exist`);
}
