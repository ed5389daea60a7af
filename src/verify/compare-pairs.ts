// Which collection of the backup is compared with which of the other side. Pure.
import { KeepError } from "../errors.ts";
import { globToPattern } from "../restore/plan/select.ts";
import type { Pair, SideCollection } from "./compare-sides.ts";

export interface Choice {
  /** Database in the backup → its name on the other side. Where any is given, only these are compared. */
  readonly rename: ReadonlyMap<string, string>;
  /** Namespaces as the backup names them, `*` for any text; null: all. */
  readonly only: readonly string[] | null;
  /** The same; or a database's name for all of it. */
  readonly exclude: readonly string[];
  /** What the backup rightly does not hold: `database.collection`, or a database. */
  readonly leftOut: readonly string[];
}

/** Sorted by namespace. @throws KeepError usage for a choice that names nothing */
export function pairUp(
  backup: readonly SideCollection[],
  other: readonly SideCollection[],
  choice: Choice,
): Pair[] {
  const back = new Map([...choice.rename].map(([from, to]) => [to, from]));
  const databases = new Set(backup.map((c) => c.database));
  for (const from of choice.rename.keys()) if (!databases.has(from)) throw nothing(`--db ${from}`);
  const pairs = new Map<string, Pair>();
  for (const one of backup) {
    if (choice.rename.size > 0 && !choice.rename.has(one.database)) continue;
    const namespace = `${one.database}.${one.name}`;
    pairs.set(namespace, { namespace, backup: one, other: null });
  }
  for (const one of other) {
    if (choice.rename.size > 0 && !back.has(one.database)) continue;
    const database = back.get(one.database) ?? one.database;
    const namespace = `${database}.${one.name}`;
    const pair = pairs.get(namespace);
    if (pair) pairs.set(namespace, { ...pair, other: one });
    else if (!isNamed(choice.leftOut, database, namespace))
      pairs.set(namespace, { namespace, backup: null, other: one });
  }
  const chosen = choose([...pairs.values()], choice);
  return chosen.sort((a, b) => (a.namespace < b.namespace ? -1 : 1));
}

const isNamed = (names: readonly string[], database: string, namespace: string) =>
  names.includes(database) || names.includes(namespace);

function choose(pairs: readonly Pair[], { only, exclude }: Choice): Pair[] {
  const wanted = only?.map((glob) => ({ glob, pattern: globToPattern(glob) }));
  for (const { glob, pattern } of wanted ?? [])
    if (!pairs.some(({ namespace }) => pattern.test(namespace))) throw nothing(`--only ${glob}`);
  const unwanted = exclude.map(globToPattern);
  return pairs.filter(({ namespace }) => {
    // A database's name holds no dot.
    const database = namespace.slice(0, namespace.indexOf("."));
    const isOut = unwanted.some((pattern) => pattern.test(namespace) || pattern.test(database));
    return !isOut && (wanted?.some(({ pattern }) => pattern.test(namespace)) ?? true);
  });
}

function nothing(option: string): KeepError {
  return new KeepError("usage", `${option} names nothing on either side`, {
    hint: "mongokeep show names the collections of a backup.",
  });
}
