// Whether the server takes writes now: a confirmed run is refused before it changes anything, a plan only says so.
import { warn } from "../../../events.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { assertTakesWrites, obstacleOf } from "../../../mongo/takes-writes.ts";
import type { JobContext } from "../../context.ts";

/** @throws KeepError no-majority, not-primary; only where it is confirmed */
export async function requireWritable(
  { emit, signal }: Pick<JobContext, "emit" | "signal">,
  deployment: Deployment,
  confirm: boolean,
): Promise<void> {
  if (confirm) {
    await assertTakesWrites(deployment, signal);
    return;
  }
  const obstacle = await obstacleOf(deployment, signal);
  if (obstacle)
    warn(emit, obstacle.code, `${obstacle.message}: with --confirm this would be refused now`);
}
