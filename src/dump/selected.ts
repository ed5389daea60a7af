// What a dump is asked for, and what that takes by name. Pure.

/** What of a deployment is dumped. */
export interface Selection {
  /** null: all databases but the server's own; of `config` the cluster's settings (mongo/servers-own.ts). */
  readonly databases: readonly string[] | null;
  /** Namespaces to leave out: `database.collection`, or a database's name for all of it. */
  readonly exclude: readonly string[];
  /** null: all namespaces; else only these. Missing ones are no error. */
  readonly only: readonly string[] | null;
  /** Users and roles of the databases too. */
  readonly accounts: boolean;
  /** Temporary collections that are taken all the same, `database.collection`: a restore replaces them. */
  readonly temporary?: readonly string[];
  /** A database without collections is no error (the state before a restore into nothing). */
  readonly allowEmpty: boolean;
}

type Named = Pick<Selection, "exclude" | "only">;

/** By the settings alone. */
export function isSelected({ exclude, only }: Named, database: string, name: string): boolean {
  const whole = `${database}.${name}`;
  const isNamed = only === null || setOf(only).has(whole);
  return isNamed && !exclude.includes(database) && !exclude.includes(whole);
}

/** A restore names all of its collections, which may be thousands, and each is asked for. */
function setOf(names: readonly string[]): ReadonlySet<string> {
  const known = sets.get(names) ?? new Set(names);
  sets.set(names, known);
  return known;
}

const sets = new WeakMap<readonly string[], ReadonlySet<string>>();

/** The same for a whole name; a database's is one too. Buckets go by the name of their time series as well. */
export function isSelectedName(selection: Named, namespace: string): boolean {
  const dot = namespace.indexOf(".");
  if (dot < 0) return !selection.exclude.includes(namespace);
  const [database, name] = [namespace.slice(0, dot), namespace.slice(dot + 1)];
  return [name, name.replace(/^system\.buckets\./, "")].every((one) =>
    isSelected(selection, database, one),
  );
}
