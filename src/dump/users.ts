// Users and roles of a database, in mongodump's layout (--dumpDbUsersAndRoles):
// `<db>/$admin.system.{users,roles,version}.bson` without metadata.
import type { ManifestFile } from "../archive/manifest.ts";
import { createEncoder, suffixOf } from "../codec/create.ts";
import { KeepError } from "../errors.ts";
import { warn } from "../events.ts";
import type { Emit } from "../events.ts";
import type { Deployment } from "../mongo/deployment.ts";
import { driverError } from "../mongo/server-error.ts";
import { writeBatches } from "./collection.ts";
import { classifyReadFailure } from "./consistency.ts";
import type { Listing, Selection } from "./listing.ts";
import { PIECE_BYTES } from "./namespaces.ts";
import type { DumpRun } from "./namespaces.ts";
import { readOnward } from "./resume.ts";
import { startingOver } from "./start-over.ts";

export const ACCOUNT_COLLECTIONS = ["system.users", "system.roles", "system.version"] as const;
export type AccountCollection = (typeof ACCOUNT_COLLECTIONS)[number];

/** The file of a database's accounts, relative to the backup, without the codec's suffix. */
export function accountFile(database: string, collection: AccountCollection): string {
  return `${database}/$admin.${collection}.bson`;
}

export interface DumpedAccounts {
  readonly files: readonly ManifestFile[];
  readonly users: "included" | "not included";
}

/**
 * The accounts of each dumped database; `admin` as a whole has them in its own collections.
 * Without the right to read them the backup goes on without, and says so.
 */
export async function dumpAccounts(
  run: DumpRun,
  selection: Selection,
  listing: Listing,
): Promise<DumpedAccounts> {
  if (!selection.accounts) return { files: [], users: "not included" };
  if (listing.databases.includes("admin"))
    return { files: [], users: accountsInAdmin(selection, run.emit) };
  const files: ManifestFile[] = [];
  try {
    for (const database of listing.databases)
      for (const collection of ACCOUNT_COLLECTIONS)
        files.push(await dumpAccountFile(run, database, collection));
    return { files, users: "included" };
  } catch (error) {
    if (!isRefused(run.deployment, error)) throw error;
    for (const database of listing.databases) await removeFiles(run, database);
    warn(
      run.emit,
      "users-not-included",
      `users and roles are not in this backup: ${error.message} (${error.hint})`,
    );
    return { files: [], users: "not included" };
  }
}

const ALL_ACCOUNTS = "admin.system.users";

/** Of a backup of `admin`, which has them among its collections unless they are left out. */
export function accountsInAdmin(
  { exclude, only }: Pick<Selection, "exclude" | "only">,
  emit: Emit,
): DumpedAccounts["users"] {
  const isExcluded = exclude.includes("admin") || exclude.includes(ALL_ACCOUNTS);
  if (!isExcluded && only?.includes(ALL_ACCOUNTS) !== false) return "included";
  const message = `users and roles are not in this backup: ${ALL_ACCOUNTS} is left out of it`;
  warn(emit, "users-not-included", message);
  return "not included";
}

/** Lookalikes keep accounts elsewhere, and say so in words of their own. */
function isRefused({ isLookalike }: Deployment, error: unknown): error is KeepError {
  if (!(error instanceof KeepError)) return false;
  return error.code === "rights-missing" || (isLookalike && error.code === "server-error");
}

/** null where this user may read accounts; else the error that says which right is missing. */
export async function mayReadAccounts(deployment: Deployment): Promise<KeepError | null> {
  const admin = deployment.client.db("admin");
  try {
    for (const name of ACCOUNT_COLLECTIONS)
      await admin.collection(name).findOne({}, { projection: { _id: 1 } });
    return null;
  } catch (error) {
    const known = driverError("read", "users and roles", error);
    if (known.code === "rights-missing") return known;
    throw known;
  }
}

/** Whether the server ever had an account: before the first one mongodump fails when it is asked for them. */
export async function hasAccounts({ client }: Deployment): Promise<boolean> {
  const versions = client.db("admin").collection<{ _id: string }>("system.version");
  return (await versions.findOne({ _id: "authSchema" })) !== null;
}

async function removeFiles(run: DumpRun, database: string): Promise<void> {
  for (const collection of ACCOUNT_COLLECTIONS)
    await run.partial.removeFile(pathOf(run, database, collection));
}

const pathOf = (run: DumpRun, database: string, collection: AccountCollection) =>
  accountFile(database, collection) + suffixOf(run.compression.algorithm);

async function dumpAccountFile(
  run: DumpRun,
  database: string,
  collection: AccountCollection,
): Promise<ManifestFile> {
  try {
    return await readInto(run, database, collection, run.at);
  } catch (error) {
    // What is younger is as good: accounts are merged into those that are there, and no oplog is replayed onto them.
    if (run.at === null || classifyReadFailure(error) !== "too-old") throw error;
    return await readInto(run, database, collection, null);
  }
}

async function readInto(
  run: DumpRun,
  database: string,
  collection: AccountCollection,
  at: DumpRun["at"],
): Promise<ManifestFile> {
  const path = pathOf(run, database, collection);
  const options = {
    database: "admin",
    collection,
    batchDocuments: 1_000,
    pieceBytes: PIECE_BYTES,
    at,
    // A member that lags behind must not give less than there was.
    after: run.at,
    secondaryOk: true,
    filter: collection === "system.version" ? {} : { db: database },
  };
  return await startingOver(run, options, async () => {
    await run.partial.removeFile(path);
    const file = await run.partial.openDataFile(path, createEncoder(run.compression), 1);
    const flow = { rate: run.rate, signal: run.signal, onRead: () => undefined };
    return (await writeBatches(readOnward(run, options), file, flow)).file;
  });
}
