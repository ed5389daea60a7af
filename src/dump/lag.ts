// How far an instant is behind the newest write that anybody knows of. Pure.
// What must stay true: an idle set, and a set whose clocks disagree, are never called behind; and what nobody can
// know (a member alone) is said, and not taken for fresh.
import { KeepError } from "../errors.ts";
import { newestOf } from "../mongo/members.ts";
import type { SetView } from "../mongo/members.ts";
import type { ClusterTime } from "../mongo/server-info.ts";
import { formatDuration } from "../util/units.ts";

export interface Lag {
  readonly seconds: number;
  /** The member that was asked for the instant. */
  readonly host: string;
  /** Whose word it is: the primary's, what members pass on of one that did not answer, or the clock's alone. */
  readonly known: "by the primary" | "by hearsay" | "by the clock";
}

/** Beyond this a person is told. */
const WARN_SECONDS = 60;

/**
 * `at` against what the members say. With a primary that answers nothing else counts: an idle one may have written
 * nothing for hours, and clocks may differ. Without any, no member writes the entry that an idle primary writes every
 * 10 s, and only the clock tells how long that has been so: of several the one that makes the instant youngest.
 */
export function measureLag(at: ClusterTime, view: SetView, nowMs: number): Lag {
  const members = [view.asked, ...view.others];
  const applied = newestOf([...members.map((m) => m.applied), ...view.reported]);
  const { host } = view.asked;
  if (view.primary === "answered")
    return { host, seconds: between(at, applied), known: "by the primary" };
  const seconds = between(at, newestOf([applied, view.gossip]));
  if (view.primary === "heard" && view.gossip) return { host, seconds, known: "by hearsay" };
  const clocks = members.flatMap(({ clockMs }) => clockMs ?? []);
  const age = Math.floor(Math.min(nowMs, ...clocks) / 1_000) - at.t;
  return { host, seconds: Math.max(seconds, age), known: "by the clock" };
}

const between = (at: ClusterTime, newest: ClusterTime | null) =>
  Math.max(0, newest ? newest.t - at.t : 0);

/** What a person should know of a backup at such an instant; null where nothing is wrong. */
export function describeLag({ seconds, host, known }: Lag): string | null {
  const isAlone = known === "by the clock";
  if (seconds <= WARN_SECONDS && !isAlone) return null;
  const age = formatDuration(seconds * 1_000);
  return isAlone
    ? `no primary of the replica set answers: the newest data of ${host} is ${age} old, and writes that it does not have are missing from this backup`
    : `the data of ${host} is ${age} behind the newest write of the replica set: what was written since is missing from this backup`;
}

/** For the manifest. */
export function factsOfLag(lag: Lag | null) {
  const warning = lag && describeLag(lag);
  return {
    // What only the clock tells is the age of the data, and not how far it is behind.
    consistency: lag && lag.known !== "by the clock" ? { lagSeconds: lag.seconds } : {},
    warnings: warning === null ? [] : [warning],
  };
}

/** @throws KeepError stale-member where it is further behind than is allowed; `maxMs` 0 allows everything */
export function assertFresh(lag: Lag, maxMs: number): void {
  if (maxMs === 0 || lag.seconds * 1_000 <= maxMs) return;
  throw new KeepError(
    "stale-member",
    `the data of ${lag.host} is ${lag.seconds} s behind the newest write of the replica set, ${lag.known}; BACKUP_MAX_LAG allows ${formatDuration(maxMs)}`,
    { details: { lagSeconds: lag.seconds, member: lag.host } },
  );
}
