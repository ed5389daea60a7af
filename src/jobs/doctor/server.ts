// What of the server decides whether a backup can be made, and how good it will be. Reads only.
import type { Deployment } from "../../mongo/deployment.ts";
import { primaryOf, viewSet } from "../../mongo/members.ts";
import type { SetView } from "../../mongo/members.ts";
import { findObstacle } from "../../mongo/takes-writes.ts";
import type { Obstacle } from "../../mongo/takes-writes.ts";
import { sameDisk } from "../../storage/disk.ts";
import { isLocalHost, sameDiskNote } from "../status/status-notes.ts";
import type { JobContext } from "../context.ts";
import type { Check, Examine } from "./check.ts";
import { fail, ok, warn } from "./check.ts";
import { drillServer } from "./drill.ts";
import { keptBeside } from "./kept.ts";
import { openForRestore } from "./restore-login.ts";
import { rights } from "./rights.ts";
import { toolLogins } from "./tool-logins.ts";

/** A healthy set is behind by far less. */
const MAJORITY_WARN_SECONDS = 5;
const CLOCK_WARN_MS = 5_000;
const CLOCK_FAIL_MS = 300_000;

export const server: Examine = async ({ job }) => {
  await using deployment = await job.connect();
  await using other = await openForRestore(job, deployment);
  const { version } = deployment.server;
  const { hosts } = job.settings;
  return [
    ok("server", `MongoDB ${version} answers at ${hosts.join(",")}, and takes the login`),
    await topology(deployment, job.signal),
    await clock(job, deployment),
    ...other.checks,
    ...(await toolLogins(job, deployment, other.restoring)),
    ...(await rights(job, deployment, other.restoring)),
    ...(await dataDisk(job, deployment)),
    ...(await keptBeside(job, deployment)),
    ...(await drillServer(job, version)),
  ];
};

async function topology(deployment: Deployment, signal: AbortSignal): Promise<Check> {
  const { topology: kind, setName } = deployment.server;
  const view = await viewSet(deployment);
  if (view) {
    const obstacle = await findObstacle(deployment, view, signal);
    return replicaSet(setName ?? "", view, obstacle, deployment.client.options.directConnection);
  }
  if (kind === "sharded") {
    const hint = "Back up each shard and the config servers as replica sets of their own.";
    return warn("topology", "a sharded cluster: a backup is not one instant", hint);
  }
  return warn(
    "topology",
    "a standalone server: a backup is not one instant over all collections",
    "Make it a replica set of one member: put `replication: {replSetName: rs0}` into mongod.conf (with logins also `security: {keyFile: …}`), restart mongod, and run rs.initiate() once in mongosh.",
  );
}

/** As a backup and a restore ask the members themselves. */
export function replicaSet(
  setName: string,
  view: SetView,
  obstacle: Obstacle | null,
  isDirect: boolean,
): Check {
  const name = `replica set ${setName}`;
  const hint =
    "See rs.status() in mongosh: start the members that are down, or take them out of the set (rs.reconfig).";
  if (obstacle) {
    // A member that is connected to directly is backed up at an instant of its own.
    const isInstant = isDirect && (obstacle.code === "not-primary" || view.primary === "unknown");
    const backup = isInstant
      ? "a backup is one instant of this member"
      : "a backup is not one instant";
    const meaning = `${backup}, and a restore is not possible`;
    return warn("topology", `${obstacle.message}: ${meaning}`, obstacle.hint);
  }
  const behind = secondsBehind(view);
  if (behind > MAJORITY_WARN_SECONDS)
    return warn(
      "topology",
      `${name}: a majority of the members does not have the writes of the last ${behind} s: a backup waits for them up to a minute, and after that is not one instant`,
      hint,
    );
  if (view.silent.length > 0)
    return warn(
      "topology",
      `${name}: no answer from ${view.silent.join(", ")}; a backup is one instant while a majority of the members has the newest writes`,
      hint,
    );
  return ok("topology", `${name}: a backup is one instant`);
}

/** How old the newest writes are that a majority has, by the primary where it answered. */
function secondsBehind(view: SetView): number {
  const source = primaryOf(view) ?? view.asked;
  return source.applied && source.readable ? source.applied.t - source.readable.t : 0;
}

async function clock(job: JobContext, { client }: Deployment): Promise<Check> {
  const before = job.clock.now();
  const hello = await client.db("admin").command({ hello: 1 });
  // The answer was given some time in between.
  const ours = (before + job.clock.now()) / 2;
  const theirs = hello.localTime as unknown;
  if (!(theirs instanceof Date)) return ok("clock", "the server does not tell its time");
  const apart = Math.abs(theirs.getTime() - ours);
  if (apart < CLOCK_WARN_MS) return ok("clock", "this machine's clock agrees with the server's");
  const message = `this machine's clock and the server's are ${Math.round(apart / 1000)} s apart`;
  const hint = "Set both by NTP (timedatectl set-ntp true): retention goes by the date.";
  return apart < CLOCK_FAIL_MS ? warn("clock", message, hint) : fail("clock", message, hint);
}

async function dataDisk(job: JobContext, { client }: Deployment): Promise<Check[]> {
  const { hosts, backupDir } = job.settings;
  if (!hosts.every(isLocalHost)) return [];
  const options = await client
    .db("admin")
    .command({ getCmdLineOpts: 1 })
    // Needs the role clusterMonitor, which a backup does not.
    .catch(() => null);
  const parsed = options?.parsed as { storage?: { dbPath?: string } } | undefined;
  const folder = parsed?.storage?.dbPath;
  if (folder === undefined) return [];
  const shared = await sameDisk(folder, backupDir).catch(() => false);
  if (!shared) return [ok("same-disk", "the backups lie on another disk than the database")];
  const { message, hint } = sameDiskNote(folder, backupDir);
  return [warn("same-disk", message, hint)];
}
