// The login for restores (MONGOKEEP_RESTORE_URI): whether it is taken, and leads to the server that is backed up.
import { toKeepError } from "../../errors.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import type { JobContext } from "../context.ts";
import type { Check } from "./check.ts";
import { fail, ok } from "./check.ts";

export interface ForRestore extends AsyncDisposable {
  /** null: it cannot be had, which the checks say. */
  readonly restoring: Deployment | null;
  readonly checks: readonly Check[];
}

const NAME = "restore-login";

/** Without a login of its own, restores have that of backups. */
export async function openForRestore(job: JobContext, backups: Deployment): Promise<ForRestore> {
  const { connectForRestore } = job;
  if (!connectForRestore) return without([], backups);
  try {
    const own = await connectForRestore();
    const close = () => own[Symbol.asyncDispose]();
    const differs = await whatDiffers(backups, own);
    if (differs !== null) {
      await close();
      return without([elsewhere(differs)], null);
    }
    const checks = [ok(NAME, "MongoDB takes the login of MONGOKEEP_RESTORE_URI")];
    return { restoring: own, checks, [Symbol.asyncDispose]: close };
  } catch (error) {
    job.signal.throwIfAborted();
    const { message, hint } = toKeepError(error);
    return without([fail(NAME, `for restores: ${message}`, hint)], null);
  }
}

const without = (checks: readonly Check[], restoring: Deployment | null): ForRestore => ({
  ...{ checks, restoring },
  [Symbol.asyncDispose]: () => Promise.resolve(),
});

const elsewhere = (how: string): Check =>
  fail(
    NAME,
    `MONGOKEEP_RESTORE_URI leads to another server than backups are made of: ${how}`,
    "Name the same server in both: a restore would replace what no backup holds.",
  );

/** null: the same server, as far as it says who it is. */
async function whatDiffers(backups: Deployment, restores: Deployment): Promise<string | null> {
  const [one, other] = [await identityOf(backups), await identityOf(restores)];
  return one === other ? null : `${other}, not ${one}`;
}

async function identityOf({ client, server }: Deployment): Promise<string> {
  const hello = await client.db("admin").command({ hello: 1 });
  const hosts = hello.hosts as readonly string[] | undefined;
  if (server.topology === "replicaSet")
    return `replica set ${server.setName ?? ""} (${[...(hosts ?? [])].sort().join(", ")})`;
  if (server.topology === "sharded") return "a sharded cluster";
  // Each start of a server has its own, however it is named.
  const started = (hello.topologyVersion as { processId?: unknown } | undefined)?.processId;
  return `a standalone server (process ${String(started)})`;
}
