// The native engine's dump: all collections at one instant where the server has instants.
// What must stay true: nothing that moved while it was read is kept as if it had stood still.
import type { Encoding } from "../archive/layout.ts";
import type {
  Consistency,
  LeftOut,
  ManifestCollection,
  ManifestFile,
} from "../archive/manifest.ts";
import type { PartialBackup } from "../archive/writer.ts";
import type { Compression } from "../codec/codec.ts";
import type { ReadPreferenceMode } from "mongodb";
import { KeepError } from "../errors.ts";
import { warn } from "../events.ts";
import type { Emit } from "../events.ts";
import type { Deployment } from "../mongo/deployment.ts";
import type { ClusterTime } from "../mongo/server-info.ts";
import type { FinishedTail } from "../oplog/tailer.ts";
import { createRateLimit } from "../util/rate-limit.ts";
import { DumpConnections } from "./connections.ts";
import { classifyReadFailure, findGone, findNew } from "./consistency.ts";
import { catchUp } from "./catch-up.ts";
import { assertFresh, factsOfLag } from "./lag.ts";
import { listAtInstant } from "./listing-at-instant.ts";
import type { ListingAtInstant } from "./listing-at-instant.ts";
import { listSelected } from "./listing.ts";
import type { Listing, Selection } from "./listing.ts";
import { dumpNamespaces } from "./namespaces.ts";
import type { DumpedNamespaces, DumpRun } from "./namespaces.ts";
import type { ReadLimits } from "./read-watch.ts";
import { chooseReaders } from "./readers.ts";
import { DumpTail, findTailOrigin } from "./tail.ts";
import { dumpAccounts } from "./users.ts";

export interface DumpOptions extends Selection {
  readonly compression: Compression;
  readonly maxRateBytesPerSecond: number | null;
  /** Default: a secondary, where there is one. */
  readonly readPreference?: ReadPreferenceMode;
  /** How far behind the replica set's newest write the data may be; default, and 0: as far as it is. */
  readonly maxLagMs?: number;
  /** Of the wait for documents. */
  readonly limits?: ReadLimits;
  /** Of the documents; default: as they are, BSON. Accounts and the oplog are BSON in any case. */
  readonly encoding?: Encoding;
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
  readonly leftOut: readonly LeftOut[];
  readonly consistency: Consistency;
  readonly users: "included" | "not included";
  /** What a person should know of this data, for the manifest. */
  readonly warnings: readonly string[];
}

/**
 * Dumps the selected databases into `partial`. If collections are dropped or renamed meanwhile it
 * starts over once, at a new instant.
 * @throws KeepError database-empty, rights-missing, namespaces-changed, unreachable, disk-full, server-error,
 * server-waits, stale-member
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
    warn(context.emit, "started-over", `${error.message}: the dump starts over at a new instant`);
  }
  try {
    return await dumpOnce(deployment, partial, options, context);
  } catch (error) {
    if (!(error instanceof MovedError)) throw error;
    const { cause } = error;
    if (cause instanceof KeepError && cause.code === "namespaces-changed") throw cause;
    throw new KeepError("namespaces-changed", error.message, {
      ...(error.namespaces.length > 0 && { hint: withoutOplog(error.namespaces) }),
      cause,
    });
  }
}

/** What was read may not be one state: worth another try. */
class MovedError extends Error {
  /** Which ones moved, where that is known. */
  readonly namespaces: readonly string[];

  constructor(message: string, namespaces: readonly string[], options?: ErrorOptions) {
    super(message, options);
    this.namespaces = namespaces;
  }
}

function withoutOplog(namespaces: readonly string[]): string {
  const flags = namespaces.map((name) => `--exclude ${name}`).join(" ");
  return `Only an oplog can carry collections that change all the time: it takes a replica set (one member is enough) and an account with the role "backup". Else run it again when that is over, or without them: ${flags}`;
}

async function dumpOnce(
  deployment: Deployment,
  partial: PartialBackup,
  options: DumpOptions,
  context: DumpContext,
): Promise<DumpResult> {
  await partial.clear();
  const origin = await findTailOrigin(deployment);
  if (deployment.isLookalike) tellLookalike(context);
  const hasOplog = origin !== null && !(origin instanceof KeepError);
  const chosen = await listAtInstant(deployment, options, context, { hasOplog });
  const { listing, at, lag } = chosen;
  if (lag) assertFresh(lag, options.maxLagMs ?? 0);
  const common = { deployment, partial, compression: options.compression, ...context };
  await using tail = await DumpTail.start(common, origin, at, options, listing);
  using connections = await openConnections(deployment, options, chosen, context);
  const rate = createRateLimit(options.maxRateBytesPerSecond);
  const run: DumpRun = {
    ...common,
    encoding: options.encoding ?? "bson",
    at,
    rate,
    tail,
    connections,
  };
  // First, while the instant is young: after a dump of minutes the server no longer knows it.
  const accounts = await dumpAccounts(run, options, listing);
  const { dumped, consistency, oplog } = await dumpAll(run, options, chosen).catch(
    (error: unknown) => {
      throw asMoved(error);
    },
  );
  const facts = factsOfLag(lag);
  return {
    ...asOplog(dumped, oplog),
    files: [...dumped.files, ...accounts.files, ...(oplog ? [oplog.file] : [])],
    databases: listing.databases,
    consistency: { ...consistency, ...facts.consistency },
    leftOut: listing.leftOut,
    users: accounts.users,
    warnings: facts.warnings,
  };
}

interface Dumped {
  readonly dumped: DumpedNamespaces;
  readonly consistency: Consistency;
  readonly oplog: FinishedTail | null;
}

/** At the instant of the listing; else at the end of the oplog; else at none. */
async function dumpAll(
  run: DumpRun,
  selection: Selection,
  { listing, at, isSettled }: Pick<ListingAtInstant, "listing" | "at" | "isSettled">,
): Promise<Dumped> {
  const { tail } = run;
  const namespaces = isSettled ? listing.namespaces : await tail.sameAtInstant(listing.namespaces);
  const dumped = await dumpNamespaces(run, namespaces);
  if (at === null) {
    await assertStill(run, selection, listing, at);
    return { dumped, consistency: { mode: "none" }, oplog: null };
  }
  const isHeld = dumped.atInstant && isSettled;
  const moved = isHeld ? await whatMoved(run, selection, listing, dumped) : null;
  if (isHeld && moved === null)
    return { dumped, consistency: { mode: "snapshot", clusterTime: at }, oplog: null };
  if (moved !== null && tail.holds) tellByOplog(run, moved);
  const whole = await catchUp(run, dumped, listing.namespaces);
  if (whole) {
    const { oplog } = whole;
    const consistency: Consistency = { mode: "oplog", from: at, to: oplog.to };
    return { dumped: whole.dumped, consistency, oplog };
  }
  if (!isSettled) throw new MovedError("collections were dropped, renamed or altered", []);
  if (moved !== null) throw new MovedError(moved, []);
  await assertStill(run, selection, listing, at);
  return { dumped, consistency: { mode: "none" }, oplog: null };
}

function tellByOplog({ emit }: DumpContext, moved: string): void {
  emit({
    kind: "log",
    level: "info",
    code: "instant-by-oplog",
    message: `${moved}: the oplog makes the backup one instant, at its end`,
  });
}

function tellLookalike({ emit }: DumpContext): void {
  warn(
    emit,
    "lookalike",
    "this server resembles MongoDB and is something else: it is read by plain cursors, and the backup is not one instant; try a restore of it (mongokeep drill)",
  );
}

/** Says who is read where that is not the one that takes the writes: it bears the load. */
async function openConnections(
  deployment: Deployment,
  { readPreference = "secondaryPreferred", limits }: DumpOptions,
  { isBehind, view, at }: ListingAtInstant,
  { emit, signal }: DumpContext,
): Promise<DumpConnections> {
  const readers = isBehind
    ? { readPreference: "primary" as const }
    : await chooseReaders({ deployment, view, at, readPreference, emit, signal });
  const connections = await DumpConnections.open(deployment, { ...readers, limits, emit });
  const { member } = connections;
  if (member?.isSecondary === true)
    emit({ kind: "log", level: "info", code: "reads", message: `reads from the secondary ${member.name}` }); // prettier-ignore
  return connections;
}

/** With the oplog every collection is part of the instant, whenever it was read. */
function asOplog(dumped: DumpedNamespaces, oplog: FinishedTail | null) {
  const { collections } = dumped;
  if (!oplog) return { collections };
  return { collections: collections.map((c) => ({ ...c, consistency: "oplog" as const })) };
}

function asMoved(error: unknown): unknown {
  if (error instanceof KeepError && error.code === "namespaces-changed")
    return new MovedError(error.message, [], { cause: error });
  if (classifyReadFailure(error) !== "moved" || !(error instanceof KeepError)) return error;
  const namespace = error.details.namespace;
  return new MovedError(
    `${typeof namespace === "string" ? namespace : "a collection"} was dropped, renamed or altered while it was read`,
    typeof namespace === "string" ? [namespace] : [],
    { cause: error },
  );
}

async function listAgain(
  { deployment, signal }: DumpRun,
  selection: Selection,
  { databases }: Listing,
): Promise<Listing> {
  const again = { ...selection, databases, allowEmpty: true };
  return await listSelected(deployment, again, signal, { withIndexes: false });
}

/** Why what was read at the instant may be wrong: a collection that was dropped or renamed reads as empty. */
async function whatMoved(
  run: DumpRun,
  selection: Selection,
  listing: Listing,
  { collections }: DumpedNamespaces,
): Promise<string | null> {
  const later = await listAgain(run, selection, listing);
  const gone = findGone(listing.namespaces, later.namespaces);
  if (gone.length > 0) return `${gone.join(", ")} was dropped or renamed while the dump ran`;
  const anyEmpty = collections.some((c) => c.type !== "view" && c.documents === 0);
  // One that was away when it was read, and has come back.
  return anyEmpty && (await run.tail.hasMoved())
    ? "a collection was dropped or renamed while the dump ran"
    : null;
}

async function assertStill(
  run: DumpRun,
  selection: Selection,
  listing: Listing,
  at: ClusterTime | null,
): Promise<void> {
  const later = await listAgain(run, selection, listing);
  const gone = findGone(listing.namespaces, later.namespaces);
  if (gone.length > 0)
    throw new MovedError(`${gone.join(", ")} was dropped or renamed while the dump ran`, gone);
  // At an instant, what came later rightly does not belong to the backup.
  if (at !== null) return;
  const fresh = findNew(listing.namespaces, later.namespaces);
  if (fresh.length > 0)
    throw new MovedError(`${fresh.join(", ")} was created while the dump ran`, fresh);
}
