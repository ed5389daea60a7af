// The native engine's dump: all collections at one instant where the server has instants.
// What must stay true: nothing that moved while it was read is kept as if it had stood still.
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Consistency, ManifestCollection, ManifestFile } from "../archive/manifest.ts";
import type { PartialBackup } from "../archive/writer.ts";
import type { Compression } from "../codec/codec.ts";
import { KeepError } from "../errors.ts";
import type { Emit } from "../events.ts";
import type { Deployment } from "../mongo/deployment.ts";
import type { ClusterTime } from "../mongo/server-info.ts";
import { createRateLimit } from "../util/rate-limit.ts";
import { classifyReadFailure, findGone, findNew } from "./consistency.ts";
import { listAtInstant, listSelected } from "./listing.ts";
import type { Listing, Selection } from "./listing.ts";
import { dumpNamespaces } from "./namespaces.ts";
import type { DumpRun } from "./namespaces.ts";
import { dumpAccounts } from "./users.ts";

export interface DumpOptions extends Selection {
  readonly compression: Compression;
  readonly maxRateBytesPerSecond: number | null;
}

export interface DumpContext {
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface DumpResult {
  /** `contentHash` is null here: the verification before the seal computes it. */
  readonly collections: readonly ManifestCollection[];
  readonly files: readonly ManifestFile[];
  readonly databases: readonly string[];
  readonly consistency: Consistency;
  readonly users: "included" | "not included";
}

/**
 * Dumps the selected databases into `partial`. If collections are dropped or renamed meanwhile it
 * starts over once, at a new instant.
 * @throws KeepError database-empty, rights-missing, namespaces-changed, unreachable, disk-full, server-error
 */
export async function dumpDatabases(
  deployment: Deployment,
  partial: PartialBackup,
  options: DumpOptions,
  context: DumpContext,
): Promise<DumpResult> {
  try {
    return await dumpOnce(deployment, partial, options, context);
  } catch (error) {
    if (!(error instanceof MovedError)) throw error;
    context.emit({
      kind: "log",
      level: "warn",
      code: "started-over",
      message: `${error.message}: the dump starts over at a new instant`,
    });
  }
  try {
    return await dumpOnce(deployment, partial, options, context);
  } catch (error) {
    if (!(error instanceof MovedError)) throw error;
    throw new KeepError("namespaces-changed", error.message, { cause: error.cause });
  }
}

/** What was read may not be one state: worth another try. */
class MovedError extends Error {}

async function dumpOnce(
  deployment: Deployment,
  partial: PartialBackup,
  options: DumpOptions,
  context: DumpContext,
): Promise<DumpResult> {
  const { listing, at } = await listAtInstant(deployment, options, context);
  await clear(partial);
  const run: DumpRun = {
    deployment,
    partial,
    at,
    compression: options.compression,
    rate: createRateLimit(options.maxRateBytesPerSecond),
    emit: context.emit,
    signal: context.signal,
  };
  // First, while the instant is young: after a dump of minutes the server no longer knows it.
  const accounts = await dumpAccounts(run, options, listing);
  const dumped = await dumpNamespaces(run, listing.namespaces).catch((error: unknown) => {
    throw asMoved(error);
  });
  await assertStill(deployment, options, context, listing, at);
  return {
    collections: dumped.collections,
    files: [...dumped.files, ...accounts.files],
    databases: listing.databases,
    consistency:
      at !== null && dumped.atInstant ? { mode: "snapshot", clusterTime: at } : { mode: "none" },
    users: accounts.users,
  };
}

function asMoved(error: unknown): unknown {
  if (classifyReadFailure(error) !== "moved" || !(error instanceof KeepError)) return error;
  const namespace = error.details.namespace;
  return new MovedError(
    `${typeof namespace === "string" ? namespace : "a collection"} was dropped, renamed or altered while it was read`,
    { cause: error },
  );
}

/** Leaves an empty folder for the second try, also of databases that are gone by then. */
async function clear(partial: PartialBackup): Promise<void> {
  for (const name of await readdir(partial.path))
    await rm(join(partial.path, name), { recursive: true, force: true });
}

async function assertStill(
  deployment: Deployment,
  selection: Selection,
  context: DumpContext,
  listing: Listing,
  at: ClusterTime | null,
): Promise<void> {
  const later = await listSelected(
    deployment,
    { ...selection, databases: listing.databases, allowEmpty: true },
    context.signal,
  );
  const gone = findGone(listing.namespaces, later.namespaces);
  if (gone.length > 0)
    throw new MovedError(`${gone.join(", ")} was dropped or renamed while the dump ran`);
  // At an instant, what came later rightly does not belong to the backup.
  if (at !== null) return;
  const fresh = findNew(listing.namespaces, later.namespaces);
  if (fresh.length > 0) throw new MovedError(`${fresh.join(", ")} was created while the dump ran`);
}
