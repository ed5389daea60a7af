// The shape of manifest.json for checking and, by scripts/manifest-schema.mjs, for publishing as JSON Schema.
// What must stay true: it accepts exactly what manifest.ts says; the types below fail to compile otherwise.
import { z } from "zod";
import { isBackupId, isInnerPath } from "./layout.ts";
import { MANIFEST_SCHEMA } from "./manifest.ts";
import type { Manifest } from "./manifest.ts";

const count = z.int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const moment = z.iso.datetime();
const mode = z.enum(["snapshot", "oplog", "none"]);
const id = z.string().refine(isBackupId, "is no id of a backup");
const path = z.string().refine(isInnerPath, "leads out of the backup");
const clusterTime = z.object({ t: count, i: count });

const server = z.object({
  version: z.string(),
  topology: z.enum(["standalone", "replicaSet", "sharded"]),
  setName: z.string().nullable(),
  featureCompatibilityVersion: z.string().nullable(),
});

const scope = z.object({
  server: z.string(),
  hosts: z.array(z.string()),
  databases: z.array(z.string()).nullable(),
  exclude: z.array(z.string()),
});

const consistency = z.object({
  mode,
  clusterTime: clusterTime.exactOptional(),
  from: clusterTime.exactOptional(),
  to: clusterTime.exactOptional(),
  lagSeconds: count.exactOptional(),
});

const collection = z.object({
  database: z.string(),
  name: z.string(),
  type: z.enum(["collection", "timeseries", "view"]),
  documents: count,
  rawBytes: count,
  storedBytes: count,
  contentHash: z.string().nullable(),
  consistency: mode,
  newestId: moment.nullable().exactOptional(),
  indexes: z.array(z.string()),
  files: z.array(path),
});

const leftOut = z.object({
  namespace: z.string(),
  because: z.enum(["temporary", "servers-database", "internal-database", "no-time-series"]),
});

const totals = z.object({
  collections: count,
  documents: count,
  rawBytes: count,
  storedBytes: count,
});

/** Fields that it does not know are left out: later versions may add some to the same schema. */
export const manifestSchema = z.object({
  schema: z.literal(MANIFEST_SCHEMA),
  id,
  kind: z.literal("full"),
  parent: id.nullable(),
  createdAt: moment,
  finishedAt: moment,
  type: z.enum(["automatic", "manual", "pre-restore"]),
  tier: z.array(z.enum(["weekly", "monthly"])),
  note: z.string().nullable(),
  tool: z.object({ name: z.literal("mongokeep"), version: z.string() }),
  engine: z.enum(["native", "mongodump", "ejson"]),
  server,
  scope,
  databases: z.array(z.string()),
  leftOut: z.array(leftOut).exactOptional(),
  consistency,
  users: z.enum(["included", "not included"]),
  compression: z.object({
    algorithm: z.enum(["gzip", "zstd", "none"]),
    level: z.int().nullable(),
  }),
  encryption: z.object({ method: z.string() }).nullable(),
  collections: z.array(collection),
  files: z.array(z.object({ path, bytes: count, sha256 })),
  totals,
  warnings: z.array(z.string()).exactOptional(),
  sha256,
});

type Writable<T> = { -readonly [K in keyof T]: Writable<T[K]> };
type Expected = Writable<Omit<Manifest, "schema"> & { schema: typeof MANIFEST_SCHEMA }>;
/** `true` only where each of the two takes every value of the other. */
type Agree<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
export const SCHEMA_AGREES: Agree<z.infer<typeof manifestSchema>, Expected> = true;
