// Whether the user may list and read what is backed up, and write what a restore writes.
import { toKeepError } from "../../errors.ts";
import { assertBackable } from "../../mongo/backable.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { listDatabaseNames, listNamespaces } from "../../mongo/namespaces.ts";
import { missingActions, STAGING_ACTIONS } from "../../mongo/privileges.ts";
import { driverError } from "../../mongo/server-error.ts";
import { isServersDatabase } from "../../mongo/servers-own.ts";
import type { JobContext } from "../context.ts";
import type { Check } from "./check.ts";
import { fail, ok, warn } from "./check.ts";

const RESTORING = ["restore", "root", "readWriteAnyDatabase", "__system"];

export async function readRights(job: JobContext, deployment: Deployment): Promise<Check[]> {
  try {
    assertBackable(job.settings.databases);
    const named = job.settings.databases ?? (await listDatabaseNames(deployment.client));
    const databases = named.filter((name) => !isServersDatabase(name));
    const counts: number[] = [];
    for (const name of databases) counts.push(await readDatabase(job, deployment, name));
    const empty = databases.filter((_, n) => counts[n] === 0);
    const collections = counts.reduce((sum, count) => sum + count, 0);
    return [
      ok("rights", `the user can list and read ${collections} collections`),
      ...(job.settings.databases ? empty.map(emptyDatabase) : []),
    ];
  } catch (error) {
    job.signal.throwIfAborted();
    const { message, hint } = toKeepError(error);
    return [fail("rights", message, hint)];
  }
}

function emptyDatabase(name: string): Check {
  const hint = "Check MONGODB_DATABASE: an empty result is never kept as a backup.";
  return fail("rights", `database ${name} does not exist, or is empty`, hint);
}

/** Reads one `_id` of each collection. @throws KeepError rights-missing */
async function readDatabase(
  job: JobContext,
  { client }: Deployment,
  name: string,
): Promise<number> {
  const namespaces = await listNamespaces(client, name, job.signal);
  for (const one of namespaces.filter(({ type }) => type !== "view")) {
    await client
      .db(name)
      .collection(one.name)
      .findOne({}, { projection: { _id: 1 } })
      .catch((error: unknown) => {
        throw driverError("read", `${name}.${one.name}`, error);
      });
  }
  return namespaces.length;
}

/** Without them a restore is in place, and the service down for as long as it loads. */
async function stagingRights(
  { settings }: JobContext,
  client: Deployment["client"],
): Promise<Check[]> {
  for (const database of settings.databases ?? ["admin"]) {
    const missing = await missingActions(client, database, STAGING_ACTIONS);
    if (missing.length === 0) continue;
    const message = `a restore would stop the service until all is loaded: the user lacks ${missing.join(", ")} on ${database}`;
    const hint =
      'Grant the role "readWriteAnyDatabase" on "admin": then a restore only swaps names.';
    return [warn("rights", message, hint)];
  }
  return [];
}

export async function writeRights(job: JobContext, { client }: Deployment): Promise<Check[]> {
  const status = await client.db("admin").command({ connectionStatus: 1 });
  const info = status.authInfo as {
    authenticatedUsers?: unknown[];
    authenticatedUserRoles?: { role: string; db: string }[];
  };
  // Without logins everybody may do everything.
  if (!info.authenticatedUsers?.length) return [];
  const roles = info.authenticatedUserRoles ?? [];
  if (roles.some(({ role }) => RESTORING.includes(role))) {
    return [ok("rights", "the user may restore"), ...(await stagingRights(job, client))];
  }
  const hint = 'Grant the role "restore" on "admin" before you need it.';
  return [warn("rights", "the user has no role that is made for restoring", hint)];
}
