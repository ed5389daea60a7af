// Whether a replica set accepts writes now: it has a primary, and a majority confirms the primary's writes. Checked
// before a command changes anything: a set without a majority answers each write only after its time limit, or never.
import { setTimeout as sleep } from "node:timers/promises";
import { KeepError } from "../errors.ts";
import type { Deployment } from "./deployment.ts";
import { isReached, primaryOf, viewSet } from "./members.ts";
import type { SetView } from "./members.ts";
import type { ClusterTime } from "./server-info.ts";
import { NO_MAJORITY_HINT, NOT_PRIMARY_HINT } from "./set-refusals.ts";

type Asked = Pick<Deployment, "client" | "server" | "isLookalike">;

export interface Obstacle {
  readonly code: "no-majority" | "not-primary";
  readonly message: string;
  readonly hint: string;
}

/** A healthy majority confirms within milliseconds; a busy one keeps coming closer. */
const PATIENCE_MS = 5_000;
const POLL_MS = 100;

/** A set may still lose its majority at any later moment. @throws KeepError no-majority, not-primary */
export async function assertTakesWrites(deployment: Asked, signal: AbortSignal): Promise<void> {
  const obstacle = await obstacleOf(deployment, signal);
  if (!obstacle) return;
  const { code, message, hint } = obstacle;
  throw new KeepError(code, message, { hint });
}

/** null: nothing prevents a write, or there is no replica set. */
export async function obstacleOf(deployment: Asked, signal: AbortSignal): Promise<Obstacle | null> {
  const view = await viewSet(deployment);
  return view && (await findObstacle(deployment, view, signal));
}

/** null: nothing prevents a write. */
export async function findObstacle(
  deployment: Asked,
  view: SetView,
  signal: AbortSignal,
): Promise<Obstacle | null> {
  const set = `the replica set ${deployment.server.setName ?? ""}`;
  if (view.primary === "unknown")
    return { code: "no-majority", message: `${set} has no primary: nothing can be written to it`, hint: NO_MAJORITY_HINT }; // prettier-ignore
  const isAlone = deployment.client.options.directConnection;
  if (view.asked.role !== "primary" && isAlone)
    return { code: "not-primary", message: `${view.asked.host} is not the primary of ${set}: nothing can be written to it`, hint: NOT_PRIMARY_HINT }; // prettier-ignore
  if (await confirms(deployment, view, signal)) return null;
  const silent = view.silent.length > 0 ? ` (no answer from ${view.silent.join(", ")})` : "";
  const message = `a majority of the members of ${set} does not confirm what the primary writes${silent}`;
  return { code: "no-majority", message, hint: NO_MAJORITY_HINT };
}

/** False if a majority came no closer to the primary's newest write. */
async function confirms(deployment: Asked, first: SetView, signal: AbortSignal): Promise<boolean> {
  const until = performance.now() + PATIENCE_MS;
  const wanted = primaryOf(first)?.applied ?? null;
  const began = primaryOf(first)?.readable ?? null;
  for (let readable = began; ; readable = await readableOf(deployment)) {
    if (!wanted || !began || !readable || isReached(readable, wanted)) return true;
    if (!isReached(began, readable)) return true;
    if (performance.now() >= until) return false;
    await sleep(POLL_MS, undefined, { signal });
  }
}

async function readableOf({ client }: Asked): Promise<ClusterTime | null> {
  const hello = await client.db("admin").command({ hello: 1 });
  const { ts } = ((hello.lastWrite ?? {}) as { majorityOpTime?: { ts?: ClusterTime } })
    .majorityOpTime ?? { ts: undefined };
  return ts ? { t: ts.t, i: ts.i } : null;
}
