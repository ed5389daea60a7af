// Whether what an undo or a rollback loaded has the options and indexes that its backup recorded, and what it renamed
// those that it had before: by the same comparison as `diff`. What differs is named, and is no success.
import { KeepError } from "../../../errors.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { listNamespaces } from "../../../mongo/namespaces.ts";
import type { NamespaceInfo } from "../../../mongo/namespaces.ts";
import { indexName } from "../../../mongo/read-indexes.ts";
import type { Defined, DefinitionCheck, RestoreContext } from "../../../restore/restore-context.ts";
import { optionsBytes } from "../../../restore/swap/standings.ts";
import { readDefinitions } from "../../../restore/swap/swap-definitions.ts";
import type { Side, SwapItem } from "../../../restore/swap/swap-plan.ts";
import { compareIndexes, sameOptions } from "../../../verify/compare-definitions.ts";
import type { RestoreOrder } from "../plan/order.ts";

/** @throws KeepError failed, which names each difference */
export function definitionCheck(deployment: Deployment, signal: AbortSignal): DefinitionCheck {
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
    if (differences.length > 0) throw different(differences);
  };
}

const different = (differences: readonly string[]) =>
  new KeepError("failed", `what is back is not what it was: ${differences.join("; ")}`, {
    details: { differences },
  });

/** A rollback brings back what was: definitions too. A restore may go to a server that writes them otherwise. */
export function checkOfRollback(
  { rollbackOf }: Pick<RestoreOrder, "rollbackOf">,
  deployment: Deployment,
  signal: AbortSignal,
): Pick<RestoreContext, "verifyDefinitions"> {
  return rollbackOf === null ? {} : { verifyDefinitions: definitionCheck(deployment, signal) };
}

/**
 * What renames brought under the names of `items`: the very collections, with the options and indexes that they had
 * before they were retained.
 * @throws KeepError failed, which names each difference
 */
export async function verifyRenamed(
  { client }: Deployment,
  items: readonly SwapItem[],
): Promise<void> {
  const expected = items.filter((item) => item.new.kind !== "none");
  const live = await readDefinitions(client, expected);
  const differences = expected.flatMap((item) => {
    const namespace = `${item.database}.${item.name}`;
    return differencesOfSide(namespace, item.new, live.get(namespace));
  });
  if (differences.length > 0) throw different(differences);
}

function differencesOfSide(
  namespace: string,
  side: Side,
  found: NamespaceInfo | undefined,
): string[] {
  if (side.kind === "none") return [];
  if (!found) return [`${namespace} is not there`];
  if (side.kind === "view")
    return differencesOf(
      { namespace, type: "view" },
      { options: optionsBytes(side.options), indexes: [] },
      found,
    );
  if (found.uuid !== side.uuid) return [`${namespace} is another collection`];
  if (!side.defined) return [];
  const indexes = side.defined.indexes.map(optionsBytes);
  const names = new Set(indexes.map(indexName));
  return differencesOf(
    { namespace, type: "collection" },
    { options: optionsBytes(side.defined.options), indexes },
    // An index whose build ended since then is no loss.
    { ...found, indexes: found.indexes.filter((one) => names.has(indexName(one))) },
  );
}

function differencesOf(
  { namespace, type }: Pick<Defined["planned"], "namespace" | "type">,
  metadata: Pick<NamespaceInfo, "options" | "indexes">,
  found: NamespaceInfo | undefined,
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
