// Finds out from the oplog whether collections were written to since an instant, so that they need not be read again.
// What must stay true: if the oplog may be incomplete, it never says that nothing was written.
import { MongoServerError, Timestamp, UUID } from "mongodb";
import type { Document, MongoClient } from "mongodb";
import { driverError } from "../mongo/server-error.ts";
import type { ClusterTime } from "../mongo/server-info.ts";
import { compareTimes } from "./cluster-time.ts";
import { readOplogWindow } from "./window.ts";

export interface Watched {
  /** Hex without dashes. */
  readonly uuid: string;
  /** Full names that mongokeep gave it; any other rename counts as a write. */
  readonly renamedTo: readonly string[];
}

/** Beyond this time, reading the collections is as fast. */
const LOOK_MS = 5_000;
/** Commands on a collection that do not change its documents. */
const HARMLESS = [
  "collMod",
  "createIndexes",
  "dropIndexes",
  "startIndexBuild",
  "commitIndexBuild",
  "abortIndexBuild",
];

/**
 * The UUIDs of the collections that were not written to after `since`. Ask the primary when nothing can write any more.
 * Empty if the oplog does not reach back that far, may not be read, or takes too long. @throws KeepError unreachable
 */
export async function findUnwritten(
  client: MongoClient,
  since: ClusterTime,
  watched: readonly Watched[],
): Promise<ReadonlySet<string>> {
  if (watched.length === 0) return new Set();
  try {
    const entries = await client
      .db("local")
      .collection("oplog.rs")
      .aggregate(pipelineOf(since, watched), { maxTimeMS: LOOK_MS, readPreference: "primary" })
      .toArray();
    // Checked afterwards, because entries may have been truncated during the read.
    const oldest = (await readOplogWindow(client))?.oldest;
    if (!oldest || compareTimes(oldest, since) > 0) return new Set();
    const unwritten = new Set(watched.map(({ uuid }) => uuid));
    const byUuid = new Map(watched.map((one) => [one.uuid, one]));
    for (const entry of entries)
      for (const uuid of writtenBy(entry, byUuid)) unwritten.delete(uuid);
    return unwritten;
  } catch (error) {
    if (error instanceof MongoServerError) return new Set();
    throw driverError("read", "local.oplog.rs", error);
  }
}

/** One document for each kind of entry, however many entries there are; it holds no document contents. */
function pipelineOf({ t, i }: ClusterTime, watched: readonly Watched[]): Document[] {
  const uuids = watched.map(({ uuid }) => new UUID(uuid));
  const ofCommand = (value: unknown) => ({ $cond: [{ $eq: ["$op", "c"] }, value, null] });
  const named = (name: string) => ({ $ne: [{ $type: `$o.${name}` }, "missing"] });
  return [
    {
      $match: {
        ts: { $gt: new Timestamp({ t, i }) },
        $or: [{ ui: { $in: uuids } }, { op: "c", "o.applyOps.ui": { $in: uuids } }],
      },
    },
    {
      $group: {
        _id: {
          ui: "$ui",
          op: "$op",
          rename: ofCommand(named("renameCollection")),
          to: ofCommand("$o.to"),
          harmless: ofCommand({ $or: HARMLESS.map(named) }),
          // Not limited to the watched collections: for thousands of entries that would take as long as reading them.
          within: ofCommand({
            $cond: [named("applyOps"), { $setUnion: ["$o.applyOps.ui", []] }, null],
          }),
        },
      },
    },
  ];
}

function writtenBy({ _id }: Document, watched: ReadonlyMap<string, Watched>): string[] {
  const { ui, op, rename, to, harmless, within } = _id as EntryKind;
  const inside = (within ?? []).map(hexOf);
  if (ui === undefined || op === "n") return inside;
  const uuid = hexOf(ui);
  if (op === "c" && harmless === true) return inside;
  const own = watched.get(uuid);
  const isOurs = rename === true && typeof to === "string" && own?.renamedTo.includes(to) === true;
  return isOurs ? inside : [...inside, uuid];
}

interface EntryKind {
  readonly ui?: UUID;
  readonly op: string;
  readonly rename: boolean | null;
  readonly to?: unknown;
  readonly harmless: boolean | null;
  readonly within: readonly UUID[] | null;
}

const hexOf = (uuid: UUID) => uuid.toString("hex").replaceAll("-", "");
