// The shape of what a restore's record holds on disk, checked whenever it is read: another version, a crash, a full
// disk or a hand may have left something else there. What must stay true: it accepts exactly what the types say;
// the last lines fail to compile otherwise.
import { z } from "zod";
import { isBackupId } from "../../archive/layout.ts";
import type { JournalEntry, RecordedPlan } from "./record.ts";
import { STEPS } from "./record.ts";
import { storedRequestSchema } from "./request.ts";
import type { SwapItem } from "../swap/swap-plan.ts";

export const RECORD_SCHEMA = 1;

const count = z.number().nonnegative();
const nullableCount = count.nullable();
const text = z.string();
const texts = z.array(text);
const moment = z.iso.datetime();
const clusterTime = z.object({ t: count, i: count });
const kind = z.enum(["collection", "timeseries", "view"]);
const mode = z.enum(["staged", "in-place"]);
const place = z.object({ database: text, name: text });

const live = z.object({
  type: kind,
  documents: nullableCount,
  bytes: nullableCount,
  diskBytes: nullableCount,
  indexes: count,
  newestId: text.nullable(),
});

const collection = z.object({
  namespace: text,
  ...place.shape,
  source: place,
  type: kind,
  action: z.enum(["create", "replace"]),
  way: z.enum(["swap", "view", "in-place"]),
  documents: nullableCount,
  rawBytes: nullableCount,
  indexes: nullableCount,
  contentHash: text.nullable(),
  newestId: text.nullable(),
  liveDocuments: nullableCount,
  live: live.nullable(),
  fromOplog: z.literal(true).exactOptional(),
});

const oplog = z.object({
  from: clusterTime.nullable(),
  to: clusterTime.nullable(),
  passing: z.array(z.object({ source: place, type: kind, database: text, number: count })),
  removes: texts,
});

const plan = z.object({
  backup: text.nullable(),
  mode,
  collections: z.array(collection),
  remove: texts,
  removeInPlace: texts,
  keptLive: texts,
  usersOf: texts,
  targetDatabases: texts,
  targetWasEmpty: z.boolean(),
  expiry: z.boolean(),
  oplog: oplog.nullable(),
  totals: z.object({ collections: count, documents: count, rawBytes: count }),
});

const restoreId = z.string().refine(isBackupId, "is no id of a restore");

/** plan.json. Fields that it does not know are left out: later versions may add some to the same schema. */
export const recordedSchema = z.object({
  schema: z.literal(RECORD_SCHEMA),
  id: restoreId,
  createdAt: moment,
  rollbackOf: restoreId.nullable(),
  plan,
  request: storedRequestSchema.exactOptional(),
});

const aside = z.object({
  collection: text,
  documents: nullableCount,
  inBackup: z.boolean(),
  contentHash: text.nullable().exactOptional(),
  lateWrites: nullableCount,
});

const expiring = z.object({ namespace: text, options: text, indexes: texts });

/** A line of journal.jsonl. */
export const journalSchema = z.object({
  at: moment,
  step: z.enum(STEPS),
  state: z.enum(["begin", "done", "failed"]),
  namespace: text.exactOptional(),
  backup: z.string().refine(isBackupId, "is no id of a backup").nullable().exactOptional(),
  message: text.exactOptional(),
  scope: z.literal("in-place").exactOptional(),
  aside: aside.exactOptional(),
  proved: z.object({ documents: count, contentHash: text }).exactOptional(),
  expiring: z.array(expiring).exactOptional(),
  time: clusterTime.exactOptional(),
  rate: z.object({ rawBytes: count, loadSeconds: count }).exactOptional(),
});

const defined = z.object({ options: text, indexes: texts });

const side = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("none") }),
  z.object({
    kind: z.literal("collection"),
    uuid: text,
    parked: text,
    defined: defined.exactOptional(),
  }),
  z.object({ kind: z.literal("view"), options: text }),
]);

/** swap.json. */
export const swapSchema = z.array(z.object({ ...place.shape, old: side, new: side }));

type Writable<T> = T extends object ? { -readonly [K in keyof T]: Writable<T[K]> } : T;
/** `true` only where each of the two takes every value of the other. */
type Agree<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
export const SCHEMAS_AGREE: readonly [
  Agree<Writable<z.infer<typeof recordedSchema>>, Writable<RecordedPlan>>,
  Agree<z.infer<typeof journalSchema>, Writable<JournalEntry>>,
  Agree<z.infer<typeof swapSchema>, Writable<SwapItem[]>>,
] = [true, true, true];
