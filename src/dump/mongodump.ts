// The engine that has stock mongodump move the documents. Without the tool the native engine does it.
// What must stay true: what mongodump wrote is a backup of ours only after our own walk through all of it.
import { warn } from "../events.ts";
import { join } from "node:path";
import { OPLOG_FILE } from "../archive/layout.ts";
import { onDisk } from "../archive/place.ts";
import type { Consistency, ManifestCollection } from "../archive/manifest.ts";
import type { PartialBackup } from "../archive/writer.ts";
import type { Compression } from "../codec/codec.ts";
import { effectiveLevel } from "../codec/levels.ts";
import { KeepError } from "../errors.ts";
import type { Deployment } from "../mongo/deployment.ts";
import { listNamespaces } from "../mongo/namespaces.ts";
import { ownerOf } from "../mongo/servers-own.ts";
import { findMongoTool, INSTALL_TOOLS } from "../tools/mongo-tools.ts";
import type { Secret } from "../util/secret.ts";
import { findGone, findNew } from "./consistency.ts";
import type { DumpEngine, EngineDump } from "./engine.ts";
import { assertFresh, factsOfLag } from "./lag.ts";
import { readLag } from "./listing-at-instant.ts";
import { listSelected, warnOfListing } from "./listing.ts";
import type { Listing, Selection } from "./listing.ts";
import { settleFiles } from "./mongodump-files.ts";
import { readOplogSpan } from "./mongodump-oplog.ts";
import type { OplogSpan } from "./mongodump-oplog.ts";
import { callMongodump } from "./mongodump-run.ts";
import { nativeEngine } from "./native-engine.ts";
import type { DumpContext, DumpOptions } from "./native.ts";
import { READ_LIMITS } from "./read-watch.ts";
import { chooseReaders } from "./readers.ts";
import { accountsInAdmin, hasAccounts, mayReadAccounts } from "./users.ts";
import { watchLocks, withinWaitLimits } from "./wait-limits.ts";

export const mongodumpEngine: DumpEngine = {
  name: "mongodump",
  async dump(deployment, partial, options, context) {
    const instead = async (code: string, message: string) => {
      warn(context.emit, code, message);
      return await nativeEngine.dump(deployment, partial, options, context);
    };
    const access = deployment.forPrograms;
    if ("unfit" in access)
      return await instead(
        "native-instead",
        `mongodump cannot ${access.unfit}: the native engine makes this backup`,
      );
    const tool = await findMongoTool("mongodump", context.signal);
    if ("missing" in tool)
      return await instead(
        "tool-missing",
        `mongodump ${tool.missing}: the native engine makes this backup; to install it: ${INSTALL_TOOLS}`,
      );
    tellWhatIsNotHeld(options, context);
    try {
      return await dumpTwice({ uri: access.uri, deployment, partial, options, context });
    } catch (error) {
      if (!isAboutMoves(error)) throw error;
      return await instead(
        "native-instead",
        `${error.message}: mongodump cannot carry that, and the native engine makes this backup`,
      );
    }
  },
};

/** mongodump gives up where a collection is renamed while it keeps the oplog. */
function isAboutMoves(error: unknown): error is KeepError {
  if (!(error instanceof KeepError)) return false;
  return error.code === "namespaces-changed" || error.message.includes("while renames occur");
}

interface Job {
  readonly uri: Secret;
  readonly deployment: Deployment;
  readonly partial: PartialBackup;
  readonly options: DumpOptions;
  readonly context: DumpContext;
}

/** mongodump compresses by Go's default. */
const GZIP_LEVEL = 6;

function tellWhatIsNotHeld(
  { compression, maxRateBytesPerSecond }: DumpOptions,
  { emit }: DumpContext,
) {
  const tell = (message: string) => {
    warn(emit, "setting-not-held", message);
  };
  if (maxRateBytesPerSecond !== null)
    tell("BACKUP_MAX_RATE is not kept to: mongodump reads as fast as it can");
  const { algorithm, level } = compression;
  if (algorithm === "gzip" && level !== null && level !== GZIP_LEVEL)
    tell(`BACKUP_COMPRESSION_LEVEL is not kept to: mongodump has level ${GZIP_LEVEL} only`);
}

/** Like the native engine: what moved while it was read is read again, once. */
async function dumpTwice(job: Job): Promise<EngineDump> {
  const first = await dumpOnce(job);
  if (!("moved" in first)) return first;
  warn(job.context.emit, "started-over", `${first.moved}: the dump starts over`);
  const second = await dumpOnce(job);
  if (!("moved" in second)) return second;
  throw new KeepError("namespaces-changed", second.moved);
}

async function dumpOnce(job: Job): Promise<EngineDump | { readonly moved: string }> {
  const { deployment, partial, options, context } = job;
  const before = await listWatched(job, options);
  warnOfListing(before, context.emit);
  await partial.clear();
  const whole = options.databases === null && options.exclude.length === 0 && options.only === null;
  const oplog = whole && deployment.server.topology === "replicaSet";
  const { view, lag } = await readLag(deployment, null, context);
  if (lag) assertFresh(lag, options.maxLagMs ?? 0);
  const { readPreference = "primaryPreferred" } = options;
  const asked = { deployment, view, at: null, readPreference, ...context };
  const { avoid } = await chooseReaders(asked);
  // mongodump cannot be told which secondary to leave out.
  const reads = avoid.size > 0 ? { ...options, readPreference: "primaryPreferred" as const } : options; // prettier-ignore
  const accounts = await accountsOf(job, before);
  const reported = await callMongodump(
    { ...job, options: reads },
    {
      databases: whole ? null : await databasesOf(job, before),
      // In the dump of all databases `admin` has everybody's, and so has the database admin itself.
      accounts:
        accounts &&
        !whole &&
        !before.databases.includes("admin") &&
        (await hasAccounts(deployment)),
      oplog,
    },
  );
  const after = await listWatched(job, {
    ...options,
    databases: before.databases,
    allowEmpty: true,
  });
  if (!oplog) {
    const moved = whatMoved(before, after);
    if (moved !== null) return { moved };
  }
  const span = oplog ? await spanOf(job) : null;
  const facts = factsOfLag(lag);
  const consistency: Consistency = {
    ...(span === null ? { mode: "none" } : { mode: "oplog", from: span.from, to: span.to }),
    ...facts.consistency,
  };
  const wanted = new Set([...before.namespaces, ...after.namespaces].map(full));
  const settled = await settleFiles({
    partial,
    belongs: (database, name) => wanted.has(full({ database, name })),
    keeps: (path) =>
      path === OPLOG_FILE ? span?.replays === true : accounts && ACCOUNT_FILE.test(path),
    reported,
    compression: options.compression,
    consistency: consistency.mode,
    signal: context.signal,
  });
  assertAllThere(before, after, settled.collections);
  return {
    ...settled,
    databases: before.databases,
    leftOut: before.leftOut,
    consistency,
    users: accounts ? "included" : "not included",
    warnings: facts.warnings,
    engine: "mongodump",
    compression: compressionOf(options.compression),
  };
}

/** mongodump passes over names that it takes for the server's (those with a $), and says nothing. */
function assertAllThere(before: Listing, after: Listing, there: readonly ManifestCollection[]) {
  const moved = new Set(findGone(before.namespaces, after.namespaces));
  const dumped = new Set(there.map(full));
  const missing = before.namespaces
    .filter((n) => ownerOf(n.database, n.name) === "data")
    .map(full)
    .filter((name) => !moved.has(name) && !dumped.has(name));
  if (missing.length === 0) return;
  throw new KeepError("failed", `mongodump left out ${missing.join(", ")}`, {
    hint: "Make the backup with the native engine (BACKUP_ENGINE=native), which takes every collection.",
  });
}

async function listWatched({ deployment, options, context }: Job, selection: Selection) {
  const limits = options.limits ?? READ_LIMITS;
  return await withinWaitLimits(limits, context, watchLocks(deployment.client), (signal) =>
    listSelected(deployment, selection, signal),
  );
}

async function spanOf({ partial, options, context }: Job): Promise<OplogSpan> {
  const algorithm = options.compression.algorithm === "gzip" ? "gzip" : "none";
  return await readOplogSpan(onDisk(join(partial.path, OPLOG_FILE)), algorithm, context.signal);
}

const ACCOUNT_FILE = /^[^/]+\/\$admin\.system\.(users|roles|version)\.bson(\.gz)?$/;
const full = (n: { readonly database: string; readonly name: string }) => `${n.database}.${n.name}`;

function compressionOf({ algorithm, level }: Compression): Compression {
  if (algorithm === "gzip") return { algorithm, level: GZIP_LEVEL };
  return { algorithm, level: effectiveLevel({ algorithm, level }) };
}

/** Whether the backup holds accounts; without the right to read them it goes on without, and says so. */
async function accountsOf(
  { deployment, options, context }: Job,
  listing: Listing,
): Promise<boolean> {
  if (!options.accounts) return false;
  if (listing.databases.includes("admin"))
    return accountsInAdmin(options, context.emit) === "included";
  const refused = await mayReadAccounts(deployment);
  if (refused === null) return true;
  warn(
    context.emit,
    "users-not-included",
    `users and roles are not in this backup: ${refused.message} (${refused.hint})`,
  );
  return false;
}

/** The databases that have something to dump, each with the collections to leave out. */
async function databasesOf(
  { deployment, context }: Job,
  { databases, namespaces }: Listing,
): Promise<Map<string, readonly string[]>> {
  const wanted = new Set(namespaces.map(full));
  const calls = new Map<string, readonly string[]>();
  for (const database of databases) {
    if (!namespaces.some((n) => n.database === database)) continue;
    const all = await listNamespaces(deployment.client, database, context.signal);
    const others = all.filter((n) => !wanted.has(full(n)));
    calls.set(
      database,
      others.map((n) => n.name),
    );
  }
  return calls;
}

/** Without an oplog nothing may move: each collection must be the same one before and after. */
function whatMoved(before: Listing, after: Listing): string | null {
  const gone = findGone(before.namespaces, after.namespaces);
  if (gone.length > 0) return `${gone.join(", ")} was dropped or renamed while the dump ran`;
  const fresh = findNew(before.namespaces, after.namespaces);
  return fresh.length > 0 ? `${fresh.join(", ")} was created while the dump ran` : null;
}
