// Whether what an undo or a rollback loaded has the options and indexes that its backup recorded: by the same
// comparison as `diff`. What differs is named, and is no success.
import { KeepError } from "../errors.ts";
import type { Deployment } from "../mongo/deployment.ts";
import { listNamespaces } from "../mongo/namespaces.ts";
import type { Defined, DefinitionProof } from "../restore/restore-context.ts";
import type { RestoreOrder } from "./restore-order.ts";
import { compareIndexes, sameOptions } from "../verify/compare-definitions.ts";

/** @throws KeepError failed, which names each difference */
export function proveAgainst(deployment: Deployment, signal: AbortSignal): DefinitionProof {
  return async (work) => {
    const differences: string[] = [];
    for (const [database, own] of Map.groupBy(work, ({ planned }) => planned.database)) {
      const live = await listNamespaces(deployment.client, database, signal);
      const byName = new Map(live.map((one) => [one.name, one]));
      for (const { planned, metadata } of own) {
        const found = byName.get(planned.name);
        // The server tells no kind and no options of what it keeps for itself.
        if (!metadata || planned.name.startsWith("system.")) continue;
        differences.push(...differencesOf(planned, metadata, found));
      }
    }
    if (differences.length === 0) return;
    throw new KeepError("failed", `what is back is not what it was: ${differences.join("; ")}`, {
      details: { differences },
    });
  };
}

/** A rollback brings back what was: definitions too. A restore may go to a server that writes them otherwise. */
export function proofOfRollback(
  { rollbackOf }: Pick<RestoreOrder, "rollbackOf">,
  deployment: Deployment,
  signal: AbortSignal,
): { readonly proveDefinitions?: DefinitionProof } {
  return rollbackOf === null ? {} : { proveDefinitions: proveAgainst(deployment, signal) };
}

function differencesOf(
  { namespace, type }: Defined["planned"],
  metadata: NonNullable<Defined["metadata"]>,
  found: Awaited<ReturnType<typeof listNamespaces>>[number] | undefined,
): string[] {
  if (!found) return [`${namespace} is not there`];
  if (found.type !== type) return [`${namespace} is a ${found.type}, not a ${type}`];
  const [before, after] = [metadata, found].map(({ options, indexes }) => ({
    ...{ options, indexes, lostOrder: false },
  }));
  if (!before || !after) return [];
  const { added, removed, changed } = compareIndexes(before, after);
  const indexes = [...removed, ...changed, ...added].map((name) => `index ${name}`);
  const options = sameOptions(before, after) ? [] : ["options"];
  return [...options, ...indexes].map((what) => `${namespace}: ${what}`);
}
