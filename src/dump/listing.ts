// What a dump takes: the databases, and in them the namespaces.
import type { LeftOut } from "../archive/manifest.ts";
import { KeepError } from "../errors.ts";
import type { Emit } from "../events.ts";
import type { Deployment } from "../mongo/deployment.ts";
import {
  assertNotEmpty,
  isTemporary,
  listDatabase,
  listDatabaseNames,
} from "../mongo/namespaces.ts";
import type { ListedDatabase, NamespaceInfo } from "../mongo/namespaces.ts";
import { isInternalDatabase } from "../mongo/servers-own.ts";
import { findBucketless } from "./consistency.ts";
import { besides, warnOfLeftOut } from "./left-out.ts";
import { isSelected, isSelectedName } from "./selected.ts";
import type { Selection } from "./selected.ts";

export type { Selection } from "./selected.ts";

export interface Listing {
  readonly databases: readonly string[];
  readonly namespaces: readonly NamespaceInfo[];
  /** Of all databases, the one that is left out because the user may not list it. */
  readonly unreadable: KeepError | null;
  /** What is there and is not dumped, although nobody excluded it. */
  readonly leftOut: readonly LeftOut[];
  /** What `exclude` names and is not there: perhaps misspelt. */
  readonly unmatched: readonly string[];
}

/** @throws KeepError database-empty, rights-missing, not-in-this-version (a time series without buckets) */
export async function listSelected(
  deployment: Deployment,
  selection: Selection,
  signal: AbortSignal,
  parts: { readonly withIndexes?: boolean } = {},
): Promise<Listing> {
  const databases: string[] = [];
  const leftOut: LeftOut[] = [];
  const namespaces: NamespaceInfo[] = [];
  const present = new Set<string>();
  let unreadable: KeepError | null = null;
  for (const database of selection.databases ?? (await allDatabases(deployment, leftOut, signal))) {
    const isSettings = selection.databases === null && database === SETTINGS;
    const listed = await listDatabase(deployment.client, database, signal, parts).catch(
      (error: unknown) => {
        if (!isSettings || !isRightsMissing(error)) throw error;
        unreadable = error;
        return NOTHING;
      },
    );
    const all = listed.namespaces;
    if (!selection.allowEmpty && selection.databases) assertNotEmpty(database, all);
    if (!isSettings || all.length > 0) databases.push(database);
    for (const name of [database, ...all.map((n) => `${database}.${n.name}`)]) present.add(name);
    const [kept, left] = divide(selection, all);
    namespaces.push(...kept);
    leftOut.push(...left, ...besides(database, listed));
  }
  if (!selection.allowEmpty) assertSomething(namespaces, leftOut);
  assertBuckets(namespaces);
  const wanted = leftOut.filter(({ namespace }) => isSelectedName(selection, namespace));
  for (const { namespace } of leftOut) present.add(namespace);
  const unmatched = selection.exclude.filter((name) => !present.has(name));
  return { databases, namespaces, unreadable, leftOut: wanted, unmatched };
}

/** A restore brings the versions of the server's own collections back with nothing. */
const VERSIONS = "system.version";

function assertSomething(namespaces: readonly NamespaceInfo[], leftOut: readonly LeftOut[]): void {
  if (namespaces.some((n) => n.database !== "admin" || n.name !== VERSIONS)) return;
  const names = leftOut.map((one) => one.namespace).join(", ");
  const because =
    names !== "" ? `${names} is left out` : namespaces.length > 0 ? "there is no collection of a user" : "every namespace is excluded"; // prettier-ignore
  throw new KeepError("database-empty", `nothing is left to back up: ${because}`);
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
const LOCAL = "local";

const isRightsMissing = (error: unknown): error is KeepError =>
  error instanceof KeepError && error.code === "rights-missing";

const NOTHING: ListedDatabase = { namespaces: [], strays: [], orphans: [] };

/** What is dumped, and the temporary ones, which are not. */
function divide(
  selection: Selection,
  all: readonly NamespaceInfo[],
): readonly [NamespaceInfo[], LeftOut[]] {
  const [kept, left]: [NamespaceInfo[], LeftOut[]] = [[], []];
  for (const one of all) {
    const namespace = `${one.database}.${one.name}`;
    if (!isSelected(selection, one.database, one.name)) continue;
    if (!isTemporary(one) || selection.temporary?.includes(namespace) === true) kept.push(one);
    else left.push({ namespace, because: "temporary" });
  }
  return [kept, left];
}

/** All but the server's own, of which it notes what may be a user's. */
async function allDatabases(
  { client }: Deployment,
  leftOut: LeftOut[],
  signal: AbortSignal,
): Promise<string[]> {
  const names = await listDatabaseNames(client);
  for (const namespace of names.filter(isInternalDatabase))
    leftOut.push({ namespace, because: "internal-database" });
  // Who may not list it has hardly put anything there.
  const local = await listDatabase(client, LOCAL, signal).catch((error: unknown) => {
    if (error instanceof KeepError && error.code !== "unreachable") return NOTHING;
    throw error;
  });
  leftOut.push(...besides(LOCAL, local));
  return names.filter((name) => name !== LOCAL && !isInternalDatabase(name));
}

/** Says what the listing does not hold although it may have been meant. */
export function warnOfListing({ unreadable, unmatched, leftOut }: Listing, emit: Emit): void {
  const warn = (code: string, message: string) => {
    emit({ kind: "log", level: "warn", code, message });
  };
  if (unreadable)
    warn("config-not-included", `the cluster's settings in config are not in this backup: ${unreadable.message}`); // prettier-ignore
  warnOfLeftOut(leftOut, emit);
  for (const name of unmatched)
    warn("exclude-unmatched", `${JSON.stringify(name)} is to be excluded, and does not exist`);
}
