// Which members of a replica set can serve a dump at its instant. What must stay true: a secondary that stands still
// or lags behind is known before the first document, and costs seconds.
import { setTimeout as sleep } from "node:timers/promises";
import type { ReadPreferenceMode } from "mongodb";
import { KeepError } from "../errors.ts";
import { warn } from "../events.ts";
import type { Emit } from "../events.ts";
import type { Deployment } from "../mongo/deployment.ts";
import { isReached, newestOf, viewSet } from "../mongo/members.ts";
import type { MemberState, SetView } from "../mongo/members.ts";
import type { ClusterTime } from "../mongo/server-info.ts";
import { formatDuration } from "../util/units.ts";

export interface ReadersRequest {
  readonly deployment: Deployment;
  /** Of a moment ago; null: no replica set. */
  readonly view: SetView | null;
  /** null: the newest write of the set is what a member should have. */
  readonly at: ClusterTime | null;
  readonly readPreference: ReadPreferenceMode;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface Readers {
  readonly readPreference: ReadPreferenceMode;
  /** Addresses of members that cannot serve the dump. */
  readonly avoid: ReadonlySet<string>;
}

const POLL_MS = 200;
/** A healthy secondary is behind by milliseconds. */
const PATIENCE_MS = 10_000;
/** One that is further behind is not waited for. */
const WORTH_SECONDS = 60;

/**
 * Waits some seconds for a secondary that has the instant; names those that are left out in a warning.
 * @throws KeepError stale-member where only secondaries may be read and none has it
 */
export async function chooseReaders(request: ReadersRequest): Promise<Readers> {
  const { deployment, view, readPreference } = request;
  const isDirect = deployment.client.options.directConnection;
  const target = request.at ?? newestOf(view ? [view.asked, ...view.others].map((m) => m.applied) : []); // prettier-ignore
  if (!view || isDirect || !target || !prefersSecondary(readPreference))
    return { readPreference, avoid: new Set() };
  const { ready, late, silent } = await waitForSecondary(request, view, target);
  const avoid = new Set([...late.map(({ host }) => host), ...silent].map((h) => h.toLowerCase()));
  if (ready.length === 0 && readPreference === "secondary") throw noneReady(late, target);
  if (ready.length > 0 || view.primary === "answered")
    warnOfLateWrites(request, late, target, ready.length > 0);
  return { readPreference, avoid };
}

const prefersSecondary = (mode: ReadPreferenceMode) =>
  mode !== "primary" && mode !== "primaryPreferred";

interface Sorted {
  readonly ready: readonly MemberState[];
  readonly late: readonly MemberState[];
  readonly silent: readonly string[];
}

async function waitForSecondary(
  { deployment, signal, at }: ReadersRequest,
  first: SetView,
  target: ClusterTime,
): Promise<Sorted> {
  const until = performance.now() + PATIENCE_MS;
  for (let view: SetView | null = first; ; view = await viewSet(deployment)) {
    const members = view ? [view.asked, ...view.others] : [];
    const secondaries = members.filter(({ role }) => role === "secondary");
    const hasIt = (m: MemberState) => {
      const time = at ? m.readable : m.applied;
      return m.delaySeconds === 0 && time !== null && isReached(time, target);
    };
    const ready = secondaries.filter(hasIt);
    const late = secondaries.filter((m) => !hasIt(m));
    const isWorthIt = late.some((m) => lagOf(m, target) <= WORTH_SECONDS && m.delaySeconds === 0);
    if (ready.length > 0 || !isWorthIt || performance.now() >= until)
      return { ready, late, silent: view?.silent ?? [] };
    await sleep(POLL_MS, undefined, { signal });
  }
}

const lagOf = ({ applied }: MemberState, target: ClusterTime) =>
  applied ? target.t - applied.t : Number.POSITIVE_INFINITY;

function describeLate(late: readonly MemberState[], target: ClusterTime): string {
  return late
    .map((member) => {
      const seconds = lagOf(member, target);
      const far = Number.isFinite(seconds) ? formatDuration(Math.max(0, seconds) * 1_000) : "far";
      return `${member.host} is ${far} behind${member.delaySeconds > 0 ? " (a delayed member)" : ""}`;
    })
    .join(", ");
}

/** Milliseconds behind while another secondary is read is how replication works: no news. */
function warnOfLateWrites(
  { emit }: ReadersRequest,
  late: Sorted["late"],
  target: ClusterTime,
  isOther: boolean,
) {
  // prettier-ignore
  const told = isOther ? late.filter((m) => lagOf(m, target) > WORTH_SECONDS) : late;
  if (told.length === 0) return;
  warn(
    emit,
    "secondary-behind",
    `${describeLate(told, target)}: the backup reads ${isOther ? "another secondary" : "the primary"}`,
  );
}

function noneReady(late: readonly MemberState[], target: ClusterTime): KeepError {
  const who = late.length === 0 ? "no secondary answers" : describeLate(late, target);
  return new KeepError(
    "stale-member",
    `BACKUP_READ_PREFERENCE allows secondaries only, and none has the data of now: ${who}`,
    {
      hint: "Set BACKUP_READ_PREFERENCE=secondaryPreferred, or see with rs.status() in mongosh why the secondaries are behind.",
    },
  );
}
