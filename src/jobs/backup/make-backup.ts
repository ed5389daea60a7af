// One verified backup, for `backup` and for the protection before a restore: dump, verify, seal.
// The caller holds the lock. What must stay true: only what was read back whole gets a backup's name.
import { warn } from "../../events.ts";
import { basename } from "node:path";
import { KeepError } from "../../errors.ts";
import { formatBackupId } from "../../archive/layout.ts";
import { MANIFEST_SCHEMA } from "../../archive/manifest.ts";
import type {
  BackupType,
  EngineName,
  Manifest,
  ManifestBody,
  ManifestCollection,
  Scope,
  TierMark,
} from "../../archive/manifest.ts";
import type { Verification } from "../../archive/verification.ts";
import { createPartial } from "../../archive/writer.ts";
import type { PartialBackup } from "../../archive/writer.ts";
import type { Compression } from "../../codec/codec.ts";
import { chooseEngine } from "../../dump/choose-engine.ts";
import type { EngineDump } from "../../dump/engine.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { localDay } from "../../retention/calendar.ts";
import { verifyDraft } from "../../verify/verify.ts";
import type { JobContext } from "../context.ts";
import { watchSpace } from "./space.ts";
import type { Relieve } from "./space.ts";

export interface BackupOrder {
  readonly type: BackupType;
  readonly note: string | null;
  /** null: all databases. */
  readonly databases: readonly string[] | null;
  readonly exclude: readonly string[];
  readonly only: readonly string[] | null;
  /** Temporary collections that are taken all the same. */
  readonly temporary?: readonly string[];
  /** Users and roles of the databases too. */
  readonly accounts: boolean;
  readonly allowEmpty: boolean;
  readonly compression: Compression;
  /** What is asked for; the manifest says what really ran. */
  readonly engine: EngineName;
  readonly relieve: Relieve;
}

export interface MadeBackup {
  readonly manifest: Manifest;
  readonly path: string;
  readonly verification: Verification;
  readonly dumpSeconds: number;
  readonly verifySeconds: number;
}

const ATTEMPTS = 2;

/**
 * Dumps and verifies; if the verification finds damage, the dump runs once more.
 * @throws KeepError damaged when that fails too, and everything that a dump throws; no partial is left
 */
export async function makeBackup(
  context: JobContext,
  deployment: Deployment,
  order: BackupOrder,
  verify: typeof verifyDraft = verifyDraft,
): Promise<MadeBackup> {
  const damaged: string[] = [];
  for (let attempt = 1; ; attempt++) {
    const made = await tryBackup(context, deployment, order, verify);
    if (!("damagedPath" in made)) return made;
    const { problems } = made.verification;
    damaged.push(made.damagedPath);
    const message = `the new backup fails its verification (${problems[0]?.file ?? ""}: ${problems[0]?.problem ?? ""}) and is kept aside as ${made.damagedPath}`;
    if (attempt === ATTEMPTS)
      throw new KeepError("damaged", `${message}, for the second time`, {
        hint: `Check the disk and the memory of this machine; earlier good backups are untouched. What was damaged: mongokeep verify ${damaged.map((path) => basename(path)).join(", or ")}.`,
        details: { damaged },
      });
    context.emit({
      kind: "log",
      level: "error",
      code: "backup-damaged",
      message: `${message}: the dump runs once more`,
    });
  }
}

interface Damaged {
  readonly damagedPath: string;
  readonly verification: Verification;
}

async function tryBackup(
  context: JobContext,
  deployment: Deployment,
  order: BackupOrder,
  verify: typeof verifyDraft,
): Promise<MadeBackup | Damaged> {
  const { settings, clock, emit } = context;
  const startedMs = clock.now();
  const idAfter = (seconds: number) =>
    formatBackupId(startedMs + seconds * 1_000, settings.timezone);
  const partial = await createPartial(settings.backupDir, idAfter, context.place);
  try {
    await using space = watchSpace(context, order.relieve);
    const { signal } = space;
    emit({ kind: "step", step: "dump", state: "begin", detail: partial.id });
    const dumpBegan = performance.now();
    const { maxRateBytesPerSecond, readPreference, maxLagMs } = settings;
    const options = { ...order, maxRateBytesPerSecond, readPreference, maxLagMs };
    const engine = chooseEngine(order.engine);
    const dump = await engine.dump(deployment, partial, options, { emit, signal });
    const dumpSeconds = secondsSince(dumpBegan);
    emit({ kind: "step", step: "dump", state: "end" });
    emit({ kind: "step", step: "verify", state: "begin" });
    const verification = await verify(partial.path, partial.id, dump, {
      ...{ emit, signal, clock },
      place: partial.place,
    });
    emit({ kind: "step", step: "verify", state: "end" });
    signal.throwIfAborted();
    await context.assertHeld?.();
    const body = describe(context, deployment, order, partial, startedMs, dump, verification);
    if (!verification.ok) return await setAside(context, partial, body, verification);
    const sealed = await partial.seal(body, verification);
    return { ...sealed, verification, dumpSeconds, verifySeconds: verification.seconds };
  } catch (error) {
    await partial.discard();
    context.signal.throwIfAborted();
    throw error;
  }
}

async function setAside(
  { emit }: JobContext,
  partial: PartialBackup,
  body: ManifestBody,
  verification: Verification,
): Promise<Damaged> {
  const { path, unnoted } = await partial.setAsideAsDamaged(body, verification);
  if (unnoted !== null) {
    const message = `what was found could not be written into ${path}: ${unnoted}`;
    warn(emit, "verification-not-written", message);
  }
  return { damagedPath: path, verification };
}

const secondsSince = (began: number) => Math.round(performance.now() - began) / 1_000;

function describe(
  context: JobContext,
  deployment: Deployment,
  order: BackupOrder,
  partial: PartialBackup,
  startedMs: number,
  dump: EngineDump,
  verification: Verification,
): ManifestBody {
  const collections = withFindings(dump.collections, verification);
  return {
    schema: MANIFEST_SCHEMA,
    id: partial.id,
    kind: "full",
    parent: null,
    createdAt: new Date(startedMs).toISOString(),
    finishedAt: new Date(context.clock.now()).toISOString(),
    type: order.type,
    tier: order.type === "automatic" ? tierMarks(startedMs, context.settings.timezone) : [],
    note: order.note,
    tool: { name: "mongokeep", version: context.version },
    engine: dump.engine,
    server: deployment.server,
    scope: scopeOf(context, deployment, order),
    databases: dump.databases,
    leftOut: dump.leftOut,
    consistency: dump.consistency,
    users: dump.users,
    compression: dump.compression,
    encryption: partial.place.transform?.encryption ?? null,
    collections,
    files: dump.files,
    totals: {
      collections: collections.length,
      documents: sum(collections.map((c) => c.documents)),
      rawBytes: sum(collections.map((c) => c.rawBytes)),
      storedBytes: sum(dump.files.map((f) => f.bytes)),
    },
    ...(dump.warnings.length > 0 && { warnings: dump.warnings }),
  };
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** What the dump leaves to the walk over its files. */
function withFindings(
  collections: readonly ManifestCollection[],
  verification: Verification,
): ManifestCollection[] {
  const found = new Map(verification.collections.map((c) => [`${c.database}.${c.name}`, c]));
  return collections.map((c) => {
    const { contentHash = null, newestId = null } = found.get(`${c.database}.${c.name}`) ?? {};
    // A bucket's `_id` has the time of its measurements, not of its making.
    return { ...c, contentHash, ...(c.type === "collection" && { newestId }) };
  });
}

function scopeOf(context: JobContext, deployment: Deployment, order: BackupOrder): Scope {
  return {
    server: deployment.identity,
    hosts: context.settings.hosts,
    databases: order.databases === null ? null : [...order.databases].sort(),
    exclude: [...order.exclude].sort(),
  };
}

/** The marks of a day in the zone: Sunday's backup is the week's, the 1st's is the month's. */
export function tierMarks(ms: number, zone: string): TierMark[] {
  const day = localDay(ms, zone);
  const marks: TierMark[] = [];
  if (day.weekday === 7) marks.push("weekly");
  if (day.dayOfMonth === 1) marks.push("monthly");
  return marks;
}
