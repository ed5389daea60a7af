// Tries on a collection of its own what a replay does, so that a right that is missing is found before
// anything live changes.
import * as BSON from "bson";
import { KeepError } from "../../errors.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { ownName } from "../../mongo/own-collections.ts";
import type { WriteOperation } from "../../oplog/operation.ts";
import { REPLAY_RIGHTS_HINT } from "../../oplog/replay-error.ts";
import { renameElements } from "../../oplog/rewrite.ts";
import { createReplayWriter } from "../../oplog/writer.ts";
import { createNamespace, dropNamespace } from "../load/create.ts";
import type { RestorePlan } from "../plan/plan.ts";

const AT = { t: 0, i: 0 };

export interface ReplayNames {
  readonly first: { readonly database: string; readonly name: string };
  readonly second: { readonly database: string; readonly name: string };
}

/** What it makes, in each database that is restored. */
export function namesOfReplay(plan: RestorePlan, restoreId: string): ReplayNames[] {
  const taken = plan.collections.length + plan.remove.length + (plan.oplog?.passing.length ?? 0);
  return plan.targetDatabases.map((database) => ({
    first: { database, name: ownName(restoreId, 2 * (taken + 2)) },
    second: { database, name: ownName(restoreId, 2 * (taken + 3)) },
  }));
}

/** @throws KeepError rights-missing, server-error: nothing live has changed then */
export async function rehearseReplay(
  deployment: Deployment,
  names: readonly ReplayNames[],
): Promise<void> {
  for (const both of names) await rehearseIn(deployment, both);
}

async function rehearseIn(deployment: Deployment, { first, second }: ReplayNames): Promise<void> {
  const { client } = deployment;
  const { database } = first;
  try {
    await createNamespace(client, first, null);
    await writeAndRename(deployment, { first, second });
  } catch (error) {
    if (!(error instanceof KeepError) || error.code !== "rights-missing") throw error;
    throw new KeepError("rights-missing", `the user may not replay the oplog in ${database}`, {
      hint: REPLAY_RIGHTS_HINT,
      details: { database },
      cause: error,
    });
  } finally {
    for (const one of [first, second]) await dropNamespace(client, one);
  }
}

async function writeAndRename(
  deployment: Deployment,
  { first, second }: ReplayNames,
): Promise<void> {
  using writer = await createReplayWriter(deployment);
  const { database, name: collection } = first;
  const target = { database, collection };
  const place = { ...target, buckets: false };
  const raw = (document: BSON.Document) => Buffer.from(BSON.serialize(document));
  const writes: readonly WriteOperation[] = [
    { kind: "insert", place, o: raw({ _id: 1 }) },
    { kind: "update", place, o: raw({ $v: 2, diff: { i: { a: 1 } } }), o2: raw({ _id: 1 }) },
    { kind: "delete", place, o: raw({ _id: 1 }) },
  ];
  const about = { kind: "write", namespace: `${database}.${collection}`, at: AT };
  for (const write of writes) await writer.write(write, target, about);
  const to = { database, collection: second.name };
  await writer.command("admin", renameElements(target, to), { ...about, kind: "rename" });
}
