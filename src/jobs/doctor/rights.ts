// Whether the user may list and read what is backed up, and do all that a restore of it does. What must stay
// true: it asks as the restore itself does (restore/needs.ts), so that nothing is refused that was called well.
import { mayReadAccounts } from "../../dump/users.ts";
import { toKeepError } from "../../errors.ts";
import { assertBackable } from "../../mongo/backable.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { dataCollection, listDatabaseNames, listNamespaces } from "../../mongo/namespaces.ts";
import type { NamespaceInfo } from "../../mongo/namespaces.ts";
import { driverError } from "../../mongo/server-error.ts";
import { isServersDatabase } from "../../mongo/servers-own.ts";
import type { JobContext } from "../context.ts";
import type { Check } from "./check.ts";
import { fail, ok, warn } from "./check.ts";
import { restoreRights } from "./restore-rights.ts";

/** What backups need, then what restores need; `restoring` has the login for these, null: it cannot be had. */
export async function rights(
  job: JobContext,
  deployment: Deployment,
  restoring: Deployment | null = deployment,
): Promise<Check[]> {
  try {
    assertBackable(job.settings.databases);
    const databases = job.settings.databases ?? (await allDatabases(deployment));
    const found: NamespaceInfo[] = [];
    for (const name of databases) found.push(...(await readDatabase(job, deployment, name)));
    const settings = job.settings.databases ? [] : await readSettings(job, deployment);
    const empty = databases.filter((name) => !found.some(({ database }) => database === name));
    return [
      ok("rights", `for backups: the user can list and read ${found.length} collections`),
      ...settings,
      ...(job.settings.databases ? empty.map(emptyDatabase) : []),
      ...(await accounts(deployment)),
      ...(restoring ? await restoreRights(job, restoring, { databases, namespaces: found }) : []),
    ];
  } catch (error) {
    job.signal.throwIfAborted();
    const { message, hint } = toKeepError(error);
    return [fail("rights", `for backups: ${message}`, hint)];
  }
}

const SETTINGS = "config";

async function allDatabases({ client }: Deployment): Promise<string[]> {
  return (await listDatabaseNames(client)).filter((name) => !isServersDatabase(name));
}

function emptyDatabase(name: string): Check {
  const hint = "Check MONGODB_DATABASE: an empty result is never kept as a backup.";
  return fail("rights", `database ${name} does not exist, or is empty`, hint);
}

/** Reads one `_id` of each collection, where its documents are. @throws KeepError rights-missing */
async function readDatabase(
  job: JobContext,
  { client }: Deployment,
  name: string,
): Promise<readonly NamespaceInfo[]> {
  const namespaces = await listNamespaces(client, name, job.signal);
  for (const one of namespaces.filter(({ type }) => type !== "view")) {
    const data = dataCollection(one.type, one.name);
    await client
      .db(name)
      .collection(data)
      .findOne({}, { projection: { _id: 1 } })
      .catch((error: unknown) => {
        throw driverError("read", `${name}.${data}`, error);
      });
  }
  return namespaces;
}

/** A backup of all databases goes on without them, and says so. */
async function readSettings(job: JobContext, deployment: Deployment): Promise<Check[]> {
  try {
    await readDatabase(job, deployment, SETTINGS);
    return [];
  } catch (error) {
    job.signal.throwIfAborted();
    const { message, hint } = toKeepError(error);
    return [warn("rights", `for backups: the cluster's settings are in none: ${message}`, hint)];
  }
}

/** The same for users and roles. */
async function accounts(deployment: Deployment): Promise<Check[]> {
  if (deployment.isLookalike) return [];
  const refused = await mayReadAccounts(deployment);
  if (refused === null) return [];
  const message = `for backups: users and roles are in none: ${refused.message}`;
  return [warn("rights", message, refused.hint)];
}
