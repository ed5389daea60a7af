// Whether mongodump and mongorestore get in where mongokeep does: each is called as a backup or a restore calls it, for
// a collection that does not exist. They read login, TLS and names of members in their own way.
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { toKeepError } from "../../errors.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { runMongoTool } from "../../tools/mongo-tool-run.ts";
import {
  dumpArgs,
  findMongoTool,
  namesReadPreference,
  restoreArgs,
} from "../../tools/mongo-tools.ts";
import type { MongoTool } from "../../tools/mongo-tools.ts";
import { tempFolder } from "../../util/process-folders.ts";
import type { Secret } from "../../util/secret.ts";
import type { JobContext } from "../context.ts";
import type { Check } from "./check.ts";
import { fail, ok, warn } from "./check.ts";

const NAME = "tools";

/** Says nothing where backups do not work through mongodump. `restoring` null: that login cannot be had. */
export async function toolLogins(
  job: JobContext,
  deployment: Deployment,
  restoring: Deployment | null,
): Promise<Check[]> {
  if (job.settings.engine !== "mongodump") return [];
  const calls: readonly Call[] = [
    { tool: "mongodump", on: deployment, say: fail, args: dumpNothing },
    ...(restoring
      ? [{ tool: "mongorestore", on: restoring, say: warn, args: restoreNothing } as const]
      : []),
  ]; // prettier-ignore
  const checks: Check[] = [];
  for (const call of calls) checks.push(...(await tryCall(job, call)));
  return checks;
}

interface Call {
  readonly tool: MongoTool;
  readonly on: Deployment;
  readonly say: typeof fail;
  readonly args: (job: JobContext, config: string, uri: Secret) => readonly string[];
}

async function tryCall(job: JobContext, { tool, on, say, args }: Call): Promise<Check[]> {
  const { signal } = job;
  const access = on.forPrograms;
  if ("unfit" in access)
    return [warn(NAME, `${tool} cannot ${access.unfit}: the native engine works in its place`, "Set BACKUP_ENGINE to native.")]; // prettier-ignore
  // Another check reports a missing tool.
  if ("missing" in (await findMongoTool(tool, signal))) return [];
  const { uri } = access;
  try {
    await runMongoTool(tool, { uri, args: (config) => args(job, config, uri), signal });
    // Another check reports missing rights.
    return [ok(NAME, `${tool} logs in as mongokeep does`)];
  } catch (error) {
    signal.throwIfAborted();
    const { message, hint } = toKeepError(error);
    return [say(NAME, `${tool} cannot do what mongokeep can: ${message}`, hint)];
  }
}

const database = ({ settings }: JobContext) => settings.databases?.[0] ?? "admin";
const nobodys = () => `__mongokeep_doctor_${randomUUID()}`;

function dumpNothing(job: JobContext, config: string, uri: Secret): string[] {
  const collection = nobodys();
  const { readPreference } = job.settings;
  const call = {
    ...{ config, out: join(tempFolder(), collection), database: database(job), exclude: [] },
    ...{ accounts: false, oplog: false, gzip: false },
    readPreference: namesReadPreference(uri) ? null : readPreference,
  };
  return [...dumpArgs(call), `--collection=${collection}`];
}

function restoreNothing(job: JobContext, config: string): string[] {
  const target = { database: database(job), collection: nobodys(), bypassValidation: false };
  return ["--dryRun", ...restoreArgs({ ...target, config })];
}
