// The listing of a dump at one instant, and how far that instant is behind what the replica set has.
import { setTimeout as sleep } from "node:timers/promises";
import { KeepError } from "../errors.ts";
import { warn } from "../events.ts";
import type { Emit } from "../events.ts";
import type { Deployment } from "../mongo/deployment.ts";
import { instantOfNow } from "../mongo/instant.ts";
import { viewSet } from "../mongo/members.ts";
import type { SetView } from "../mongo/members.ts";
import type { ClusterTime } from "../mongo/server-info.ts";
import { systemClock } from "../util/clock.ts";
import { sameNamespaces } from "./consistency.ts";
import { describeLag, measureLag } from "./lag.ts";
import type { Lag } from "./lag.ts";
import { listSelected, warnOfListing } from "./listing.ts";
import type { Listing, Selection } from "./listing.ts";
import { reportingWaits } from "./waits.ts";

const ATTEMPTS = 5;
/** What changes the listing so often would change it again during the dump. */
const ATTEMPTS_WITH_OPLOG = 3;
const PATIENCE_MS = 60_000;

export interface ListingAtInstant {
  readonly listing: Listing;
  readonly at: ClusterTime | null;
  /** No instant has all that was written by now: only the primary has it. */
  readonly isBehind: boolean;
  /** false: names, options or indexes changed since the instant, and only the oplog tells which. */
  readonly isSettled: boolean;
  /** How far the members have come since; null where there is no replica set. */
  readonly view: SetView | null;
  /** Of the instant; of what the member has where there are no instants. null where nobody can say. */
  readonly lag: Lag | null;
}

interface ListingContext {
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface ListingOptions {
  readonly patienceMs?: number;
  /** Whether the oplog can tell what a listing newer than the instant cannot. */
  readonly hasOplog?: boolean;
}

/**
 * A listing that holds at the instant returned with it, and the instant has all that was written before: it is read
 * before and after the instant is chosen, until both agree, or until the oplog has to tell what they do not. Without
 * instants (standalone) the listing of now.
 * An instant of a member that lags behind the others is reported.
 */
export async function listAtInstant(
  deployment: Deployment,
  selection: Selection,
  context: ListingContext,
  options: ListingOptions = {},
): Promise<ListingAtInstant> {
  const listed = await listBetween(deployment, selection, context, options);
  return { ...listed, ...(await readLag(deployment, listed.at, context)) };
}

/** How far `at`, or else what the member has, is behind what the members know of; what is wrong is reported. */
export async function readLag(
  deployment: Deployment,
  at: ClusterTime | null,
  context: Pick<ListingContext, "emit">,
): Promise<Pick<ListingAtInstant, "view" | "lag">> {
  const view = await viewSet(deployment);
  const since = at ?? view?.asked.applied ?? null;
  const lag = view && since ? measureLag(since, view, systemClock.now()) : null;
  tellLag(lag, context);
  return { view, lag };
}

function tellLag(lag: Lag | null, { emit }: Pick<ListingContext, "emit">): void {
  const warning = lag && describeLag(lag);
  if (warning) warn(emit, "instant-behind", warning);
  else if (lag?.known === "by hearsay")
    emit({
      kind: "log",
      level: "info",
      code: "primary-not-asked",
      message: `the primary could not be asked: that ${lag.host} has the newest writes is known by hearsay of the members`,
    });
}

async function listBetween(
  deployment: Deployment,
  selection: Selection,
  context: ListingContext,
  { patienceMs = PATIENCE_MS, hasOplog = false }: ListingOptions,
): Promise<Pick<ListingAtInstant, "listing" | "at" | "isBehind" | "isSettled">> {
  const list = () =>
    reportingWaits(context, "the listing of collections", () =>
      listSelected(deployment, selection, context.signal),
    );
  let before = await list();
  warnOfListing(before, context.emit);
  for (let attempt = 1; ; attempt++) {
    const at = await chooseInstant(deployment, context, patienceMs);
    if (at === "behind") {
      tellBehind(patienceMs, context);
      return { listing: before, at: null, isBehind: true, isSettled: true };
    }
    if (at === null) return { listing: before, at, isBehind: false, isSettled: true };
    const after = await list();
    if (sameNamespaces(before.namespaces, after.namespaces))
      return { listing: after, at, isBehind: false, isSettled: true };
    if (hasOplog && attempt === ATTEMPTS_WITH_OPLOG)
      return { listing: after, at, isBehind: false, isSettled: false };
    if (attempt === ATTEMPTS)
      throw new KeepError(
        "namespaces-changed",
        "collections are created, dropped, renamed or altered so often that no listing holds",
      );
    before = after;
    await sleep(200 * attempt, undefined, { signal: context.signal });
  }
}

async function chooseInstant(
  deployment: Deployment,
  context: ListingContext,
  patienceMs: number,
): Promise<ClusterTime | null | "behind"> {
  if (deployment.isLookalike) return null;
  const what = "a majority of the members to have the newest writes";
  return await reportingWaits(context, what, () =>
    instantOfNow(deployment, context.signal, patienceMs),
  );
}

function tellBehind(patienceMs: number, { emit }: ListingContext): void {
  warn(
    emit,
    "majority-behind",
    `a majority of the members does not have the newest writes, after ${Math.round(patienceMs / 1_000)} s: all is read from the primary as it is now, and is not one instant (see rs.status() in mongosh)`,
  );
}
