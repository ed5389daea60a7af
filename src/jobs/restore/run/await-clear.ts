// Waits, before live collections are renamed or dropped, for what would keep the server from it: before the service
// is stopped for minutes, while it is stopped for as long as RESTORE_CUTOVER_TIMEOUT says.
import { warn } from "../../../events.ts";
import { setTimeout as sleep } from "node:timers/promises";
import type { Deployment } from "../../../mongo/deployment.ts";
import { tooLong } from "../../../mongo/lock-limit.ts";
import type { LockLimit } from "../../../mongo/lock-limit.ts";
import { findObstacle, findOperations } from "../../../mongo/obstacles.ts";
import type { RestorePlan } from "../../../restore/plan/plan.ts";
import type { RestoreRecord } from "../../../restore/record/record.ts";
import type { SwapItem } from "../../../restore/swap/swap-plan.ts";
import { formatDuration } from "../../../util/units.ts";
import type { JobContext } from "../../context.ts";

/** With the service up. */
const UP_LIMIT_MS = 5 * 60_000;
/** Operations younger than this may end at once; a busy application always has some, and they end with the service. */
const YOUNG_MS = 1_000;
const UP = { youngMs: YOUNG_MS, blindly: Infinity, pauseMs: 1_000 } as const;
/** The service is down: many collections are not tried one by one where nothing says that it is of use. */
const DOWN = { youngMs: 0, blindly: 100, pauseMs: 100 } as const;
const TELL_MS = 10_000;

/** A transaction may hold anything, and most end in time: one that has lasted so long was left open. */
const FORGOTTEN_MS = 30_000;

type Logged = Pick<RestoreRecord, "log">;

/** All that is live and will be renamed or dropped. */
export function liveNamespaces(plan: RestorePlan, items: readonly SwapItem[]): Set<string> {
  const swapped = items.flatMap((i) =>
    [i.old, i.new].some((side) => side.kind === "collection") ? [`${i.database}.${i.name}`] : [],
  );
  const dropped = plan.collections
    .filter((c) => c.action === "replace" && c.type !== "view" && c.way === "in-place")
    .map((c) => c.namespace);
  const removed = plan.mode === "in-place" ? plan.remove : plan.removeInPlace;
  return new Set([...swapped, ...dropped, ...removed]);
}

/** Before the service is stopped. @throws KeepError server-waits after five minutes; nothing has changed then */
export async function awaitClear(
  context: JobContext,
  deployment: Deployment,
  record: Logged,
  namespaces: ReadonlySet<string>,
): Promise<void> {
  const limitMs = Math.max(UP_LIMIT_MS, context.settings.cutoverTimeoutMs);
  const before = context.service === null ? "" : ", before the service is stopped";
  await wait(context, deployment, namespaces, { ...UP, limitMs, before, record });
}

/** While the service is stopped, right before the first live change. @throws KeepError server-waits */
export async function awaitClearInWindow(
  context: JobContext,
  deployment: Deployment,
  record: Logged,
  namespaces: ReadonlySet<string>,
): Promise<void> {
  const limitMs = context.settings.cutoverTimeoutMs;
  await wait(context, deployment, namespaces, { ...DOWN, limitMs, before: "", record });
}

interface Waiting {
  readonly limitMs: number;
  readonly youngMs: number;
  readonly blindly: number;
  readonly pauseMs: number;
  /** What comes after the wait, for messages. */
  readonly before: string;
  readonly record: Logged;
}

async function wait(
  context: JobContext,
  { client }: Deployment,
  namespaces: ReadonlySet<string>,
  { limitMs, youngMs, blindly, pauseMs, before, record }: Waiting,
): Promise<void> {
  const { emit, signal } = context;
  const began = performance.now();
  let toldAt = -Infinity;
  while (namespaces.size > 0) {
    signal.throwIfAborted();
    const obstacle = await findObstacle(client, namespaces, blindly);
    if (obstacle === null) return;
    const waited = performance.now() - began;
    const isYoung = (obstacle.ageMs ?? youngMs) < youngMs;
    if (isYoung && waited > 2 * youngMs) return;
    const what = `the restore of ${obstacle.namespace} waits for ${obstacle.text}`;
    if (waited > limitMs) throw tooLong(limitMs, what);
    if (!isYoung && performance.now() - toldAt >= TELL_MS) {
      toldAt = performance.now();
      const message = `${what}${before}: ${formatDuration(limitMs - waited)} more at most`;
      warn(emit, "cutover-waits", message);
      await record.log(message);
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

/** How long each command of the cutover may wait for its collection; an undo tries again until it is done. */
export function lockLimit(
  { settings, emit }: JobContext,
  { client }: Deployment,
  use: "once" | "until done",
): LockLimit {
  const waitMs = settings.cutoverTimeoutMs;
  if (use === "once") return { client, waitMs };
  const onWait = (message: string) => {
    warn(emit, "undo-waits", `the old state is not back yet: ${message}`);
  };
  return { client, waitMs, onWait };
}

/** For the plan: what has been open for so long that the restore may have to wait for it. */
export async function warnOfObstacles(
  { emit }: JobContext,
  { client }: Deployment,
  plan: RestorePlan,
): Promise<void> {
  const live = new Set(
    plan.collections.filter((c) => c.action === "replace").map((c) => c.namespace),
  );
  if (live.size === 0) return;
  const found = (await findOperations(client, new Set([...live, ...plan.remove]))) ?? [];
  const isLasting = ({ namespace, ageMs }: (typeof found)[number]) =>
    ageMs >= (namespace === null ? FORGOTTEN_MS : YOUNG_MS);
  const [oldest] = found.filter(isLasting);
  if (!oldest) return;
  const message = `${oldest.text}: if it holds what is restored, the restore waits for its end before it stops the service, ${formatDuration(UP_LIMIT_MS)} at most`;
  warn(emit, "cutover-may-wait", message);
}
