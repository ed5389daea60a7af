// The throw-away server of a drill: the user's (DRILL_MONGODB_URI), or a mongod of our own.
// What must stay true: nothing of a drill stays anywhere, however it ends; and nothing that was there goes.
import { warn } from "../../events.ts";
import { randomUUID } from "node:crypto";
import { KeepError } from "../../errors.ts";
import { openDeployment } from "../../mongo/deployment.ts";
import { assertTakesWrites } from "../../mongo/takes-writes.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { listDatabaseNames } from "../../mongo/namespaces.ts";
import { dropNamespace } from "../../restore/load/create.ts";
import { inspectLive } from "../../restore/plan/live.ts";
import type { RestorePlan } from "../../restore/plan/plan.ts";
import { startMongod } from "../../tools/throwaway-mongod.ts";
import { requireTempFolder } from "../../util/process-folders.ts";
import { rememberSecret } from "../../util/redact.ts";
import { Secret } from "../../util/secret.ts";
import { formatBytes } from "../../util/units.ts";
import type { JobContext } from "../context.ts";
import { findDrillMongod } from "./drill-mongod.ts";

export interface DrillPlace extends AsyncDisposable {
  readonly deployment: Deployment;
  readonly binary: string | null;
  /** The server deletes nothing while the drill runs: expiry can be restored and compared too. */
  readonly expiry: boolean;
  /** Users and roles may be merged in. */
  readonly accounts: boolean;
}

type Planned = Pick<RestorePlan, "collections" | "targetDatabases" | "totals">;

/**
 * `madeOf`: the version of the server that the backup was made of.
 * @throws KeepError mongod-missing, disk-full, bad-setting (a server in use), unreachable, login-failed
 */
export async function openDrillPlace(
  context: JobContext,
  plan: Planned,
  madeOf: string | null,
): Promise<DrillPlace> {
  const { uri } = context.settings.drill;
  return uri ? await openTheirs(context, uri, plan) : await openOwn(context, plan, madeOf);
}

/** Uncompressed in the worst case, its indexes, and the oplog that takes every document once more. */
const GROWTH = 1.5;
const OPLOG_BYTES = 256 * 1024 * 1024;
/** The journal's files, made whole. */
const FIXED_BYTES = 400 * 1024 * 1024;

async function openOwn(
  context: JobContext,
  { totals }: Planned,
  madeOf: string | null,
): Promise<DrillPlace> {
  const { signal, emit, settings } = context;
  const needed = GROWTH * totals.rawBytes + Math.min(OPLOG_BYTES, totals.rawBytes) + FIXED_BYTES;
  const folder = await requireTempFolder();
  const free = await context.freeBytes(folder);
  if (free < needed)
    throw new KeepError(
      "disk-full",
      `a drill needs ${formatBytes(needed)} in ${folder}, and ${formatBytes(free)} are free`,
      { hint: "Set TMPDIR to a folder with room, or DRILL_MONGODB_URI to a server for drills." },
    );
  const found = await findDrillMongod(settings, { atLeast: madeOf, download: true, signal });
  // With a login, for other users of this machine must not read what the backup's folder keeps from them.
  const auth = { user: `mongokeep-drill-${randomUUID()}`, password: randomUUID() };
  rememberSecret(auth.password);
  // One member, because a standalone refuses what backups of replica sets may hold.
  const mongod = await startMongod({
    ...{ binary: found.path, topology: "replicaSet", cacheGigabytes: 0.5, auth, signal },
    setParameters: { ttlMonitorEnabled: false },
  });
  try {
    const deployment = await openDeployment(new Secret(mongod.uri), { emit, signal });
    return {
      ...{ deployment, binary: found.path, expiry: true, accounts: true },
      async [Symbol.asyncDispose]() {
        await deployment[Symbol.asyncDispose]();
        await mongod.stop();
      },
    };
  } catch (error) {
    await mongod.stop();
    throw error;
  }
}

async function openTheirs(context: JobContext, uri: Secret, plan: Planned): Promise<DrillPlace> {
  const { emit, signal } = context;
  const deployment = await openDeployment(uri, { emit, signal }).catch((error: unknown) => {
    throw namingTheirs(error);
  });
  try {
    await assertUnused(deployment, plan, signal);
    await assertTakesWrites(deployment, signal);
    const ttl = await switchExpiryOff(deployment, context);
    return {
      ...{ deployment, binary: null, expiry: ttl !== "kept", accounts: false },
      async [Symbol.asyncDispose]() {
        await deployment[Symbol.asyncDispose]();
        await clearTheirs(context, uri, plan, ttl === "switched");
      },
    };
  } catch (error) {
    await deployment[Symbol.asyncDispose]();
    throw error;
  }
}

/** The hints speak of MONGODB_URI. */
function namingTheirs(error: unknown): unknown {
  if (!(error instanceof KeepError)) return error;
  const named = (text: string) => text.replaceAll(/(?<!DRILL_)MONGODB_URI/g, "DRILL_MONGODB_URI");
  const { code, message, hint, details, cause } = error;
  return new KeepError(code, named(message), { hint: named(hint), details, cause });
}

const SYSTEM: readonly string[] = ["admin", "config", "local"];

/** A slip in the URI must not cost anybody a database. */
async function assertUnused(
  deployment: Deployment,
  { collections, targetDatabases }: Planned,
  signal: AbortSignal,
): Promise<void> {
  const names = await listDatabaseNames(deployment.client);
  const used = names.filter((name) => !SYSTEM.includes(name));
  const planned = new Set(collections.map(({ namespace }) => namespace));
  const shared = targetDatabases.filter((name) => SYSTEM.includes(name));
  for (const { database, name } of await inspectLive(deployment, shared, signal))
    if (planned.has(`${database}.${name}`)) used.push(`${database}.${name}`);
  if (used.length === 0) return;
  throw new KeepError(
    "bad-setting",
    `the server of DRILL_MONGODB_URI is in use: it holds ${used.slice(0, 5).join(", ")}${used.length > 5 ? ", …" : ""}`,
    {
      hint: "Name a server without databases: a drill restores everything under its own names, and drops it again.",
      details: { setting: "DRILL_MONGODB_URI" },
    },
  );
}

/** `kept`: the server may delete expired documents at any time, for the user may not tell it to wait. */
async function switchExpiryOff(
  { client }: Deployment,
  { emit }: JobContext,
): Promise<"switched" | "was-off" | "kept"> {
  const admin = client.db("admin");
  try {
    const { ttlMonitorEnabled } = await admin.command({ getParameter: 1, ttlMonitorEnabled: 1 });
    if (ttlMonitorEnabled === false) return "was-off";
    await admin.command({ setParameter: 1, ttlMonitorEnabled: false });
    return "switched";
  } catch {
    warn(
      emit,
      "expiry-not-tried",
      "expiry is not tried: the user of DRILL_MONGODB_URI may not switch it off meanwhile (setParameter ttlMonitorEnabled; the role hostManager may)",
    );
    return "kept";
  }
}

/** Over a connection of its own: Ctrl-C closes the other one. What stays is told, and fails nothing. */
async function clearTheirs(
  { emit }: JobContext,
  uri: Secret,
  { collections, targetDatabases }: Planned,
  resetExpiry: boolean,
): Promise<void> {
  try {
    const { signal } = new AbortController();
    await using deployment = await openDeployment(uri, { emit, signal });
    const { client } = deployment;
    for (const database of targetDatabases)
      if (!SYSTEM.includes(database)) await client.db(database).dropDatabase();
    for (const one of collections)
      if (SYSTEM.includes(one.database)) await dropNamespace(client, one);
    if (resetExpiry) await client.db("admin").command({ setParameter: 1, ttlMonitorEnabled: true });
  } catch (error) {
    warn(
      emit,
      "drill-not-cleared",
      `the server of DRILL_MONGODB_URI could not be cleared of ${targetDatabases.join(", ")}: ${error instanceof KeepError ? error.message : "it refuses"}`,
    );
  }
}
