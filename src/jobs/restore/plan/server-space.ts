// Room on the server's disk for the second copy that a staged restore builds beside the live one.
import { KeepError } from "../../../errors.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import type { PlannedCollection, RestorePlan } from "../../../restore/plan/plan.ts";
import { formatBytes } from "../../../util/units.ts";

export interface ServerSpace {
  /** What the staged copies will take on the server's disk: an estimate. */
  readonly neededBytes: number;
  /** null where the server does not say. */
  readonly freeBytes: number | null;
}

/** Too little live data says nothing about how well it compresses. */
const TELLING_BYTES = 1_000_000;
/** Indexes being built, the journal, and the oplog take some more for a while. */
const SLACK = 1.1;
/** A mongod that runs out of disk stops: this much stays free. */
const KEEP_FREE_BYTES = 256 * 1024 * 1024;

export async function measureServerSpace(
  { client }: Deployment,
  plan: RestorePlan,
): Promise<ServerSpace> {
  const neededBytes = Math.round(
    SLACK *
      plan.collections
        .filter((c) => c.way === "swap")
        .reduce((sum, c) => sum + (c.rawBytes ?? 0) * ratioOf(c) + leastBytes(c), 0),
  );
  const [database = "admin"] = plan.targetDatabases;
  const stats = await client
    .db(database)
    .command({ dbStats: 1 })
    .catch(() => null);
  const total: unknown = stats?.fsTotalSize;
  const used: unknown = stats?.fsUsedSize;
  const known = typeof total === "number" && typeof used === "number" && total > 0;
  return { neededBytes, freeBytes: known ? Math.max(0, total - used) : null };
}

/** A collection and each of its indexes is a file of its own, of at least this size (seen on 6.0.5). */
const LEAST_FILE_BYTES = 20 * 1024;

const leastBytes = ({ indexes }: PlannedCollection) => LEAST_FILE_BYTES * (1 + (indexes ?? 1));

/** Bytes on disk a byte of BSON: as the live collection has it, else none saved. */
function ratioOf({ live }: PlannedCollection): number {
  const { bytes = null, diskBytes = null } = live ?? {};
  if (bytes === null || diskBytes === null || bytes < TELLING_BYTES) return 1;
  return Math.min(2, diskBytes / bytes);
}

/** How many bytes are missing; 0: none, or not known. */
export function missingBytes(space: ServerSpace): number {
  if (space.freeBytes === null || space.neededBytes === 0) return 0;
  return Math.max(0, space.neededBytes + KEEP_FREE_BYTES - space.freeBytes);
}

/** @throws KeepError disk-full (exit 5) with how much is missing, and the other way */
export async function assertServerSpace(deployment: Deployment, plan: RestorePlan): Promise<void> {
  const space = await measureServerSpace(deployment, plan);
  const missing = missingBytes(space);
  if (missing === 0) return;
  throw new KeepError(
    "disk-full",
    `the server's disk has no room for a second copy: ${formatBytes(missing)} are missing (${formatBytes(space.neededBytes)} needed, ${formatBytes(space.freeBytes ?? 0)} free, ${formatBytes(KEEP_FREE_BYTES)} to stay free)`,
    {
      hint: "Make room, or restore with --in-place: it needs no second copy, stops the service for longer, and only the safety backup protects the old data.",
      details: { missingBytes: missing, neededBytes: space.neededBytes },
    },
  );
}
