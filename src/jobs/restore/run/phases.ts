// The phases of a restore, in their order.
import { accounts } from "./accounts.ts";
import { cutover } from "./cutover.ts";
import { inPlace } from "./in-place.ts";
import type { Phase } from "./phase.ts";
import { protect } from "./safety-backup.ts";
import { stage } from "./stage.ts";

/** While the service runs: nothing live changes. */
export const BESIDE: readonly Phase[] = [protect, stage];
/** Within the service window: each changes live data. */
export const LIVE: readonly Phase[] = [cutover, inPlace, accounts];
