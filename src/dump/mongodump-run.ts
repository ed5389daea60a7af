// The calls of mongodump: one for the whole deployment, or one for each database.
import type { PartialBackup } from "../archive/writer.ts";
import { runMongoTool } from "../tools/mongo-tool-run.ts";
import { dumpArgs, namesReadPreference } from "../tools/mongo-tools.ts";
import type { Secret } from "../util/secret.ts";
import type { Deployment } from "../mongo/deployment.ts";
import { createReported } from "./mongodump-report.ts";
import type { DumpContext, DumpOptions } from "./native.ts";
import { READ_LIMITS } from "./read-watch.ts";
import { watchTool, withinWaitLimits } from "./wait-limits.ts";

interface Caller {
  readonly uri: Secret;
  readonly deployment: Pick<Deployment, "client">;
  readonly partial: PartialBackup;
  readonly options: Pick<DumpOptions, "compression" | "readPreference" | "limits">;
  readonly context: DumpContext;
}

export interface Calls {
  /** By database, the collections to leave out; null: one call for the whole deployment. */
  readonly databases: ReadonlyMap<string, readonly string[]> | null;
  /** Users and roles of each database. */
  readonly accounts: boolean;
  readonly oplog: boolean;
}

/**
 * Dumps into the partial's folder; gives the documents that mongodump says it wrote, by namespace.
 * @throws KeepError login-failed, rights-missing, unreachable, disk-full, server-error, server-waits
 */
export async function callMongodump(
  { uri, deployment, partial, options, context }: Caller,
  { databases, accounts, oplog }: Calls,
): Promise<ReadonlyMap<string, number>> {
  const { emit } = context;
  const reported = createReported();
  const onLine = (line: string) => {
    if (!reported.add(line)) return;
    emit({ kind: "progress", step: "dump", documents: reported.documents(), bytes: 0 });
  };
  const watched = watchTool(deployment.client, "mongodump", () => reported.documents());
  const calls: readonly (readonly [string | null, readonly string[]])[] = databases
    ? [...databases]
    : [[null, []]];
  for (const [database, exclude] of calls) {
    const args = (config: string) =>
      dumpArgs({
        ...{ config, out: partial.path, database, exclude, accounts, oplog },
        gzip: options.compression.algorithm === "gzip",
        readPreference: namesReadPreference(uri)
          ? null
          : (options.readPreference ?? "primaryPreferred"),
      });
    await withinWaitLimits(options.limits ?? READ_LIMITS, context, watched, (signal) =>
      runMongoTool("mongodump", { uri, args, signal, onLine }),
    );
  }
  return reported.done;
}
