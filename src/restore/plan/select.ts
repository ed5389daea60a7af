// Which namespaces of a backup a restore takes, and under which names. Pure.
import { isDatabaseName } from "../../archive/layout.ts";
import { KeepError } from "../../errors.ts";
import { isServersDatabase } from "../../mongo/servers-own.ts";

export interface NamedSource {
  readonly database: string;
  readonly name: string;
}

export interface Selection {
  /** Database in the backup → database to restore it as. */
  readonly rename: ReadonlyMap<string, string>;
  /** `database.collection` in the backup → the one to restore it as. */
  readonly renameNamespaces: ReadonlyMap<string, string>;
  /** Namespaces of the backup to restore, with `*` for any run of characters; null: all. */
  readonly only: readonly string[] | null;
  /** Namespaces of the backup to leave out, likewise. */
  readonly exclude: readonly string[];
}

export interface Selected<S extends NamedSource> {
  readonly source: S;
  readonly target: NamedSource;
}

const full = (n: NamedSource) => `${n.database}.${n.name}`;

/**
 * Where `rename` or `renameNamespaces` name anything, only what they name is restored.
 * @throws KeepError usage for a selection that names nothing, or two sources for one target
 */
export function selectSources<S extends NamedSource>(
  sources: readonly S[],
  selection: Selection,
): Selected<S>[] {
  refuseServersOwn(selection);
  assertNamesSomething(sources, selection);
  const choose = chooserOf(selection);
  const selected = sources.flatMap((source) => {
    const target = choose(source);
    return target ? [{ source, target }] : [];
  });
  if (selected.length === 0 && sources.length > 0)
    throw new KeepError("usage", "nothing is left to restore: every namespace is left out", {
      hint: "Take --exclude or --only out, or name fewer.",
    });
  assertPossible(selected);
  assertDistinct(selected);
  return selected;
}

/** Where one namespace goes; null for one that is left out. */
export function chooserOf(selection: Selection): (source: NamedSource) => NamedSource | null {
  const only = selection.only?.map(globToPattern);
  const exclude = selection.exclude.map(globToPattern);
  return (source) => {
    const name = full(source);
    if (only?.some((pattern) => pattern.test(name)) === false) return null;
    if (exclude.some((pattern) => pattern.test(name) || pattern.test(source.database))) return null;
    return targetOf(source, selection);
  };
}

/** Splits at the first dot: names of databases have none. */
export function splitNamespace(namespace: string): NamedSource {
  const dot = namespace.indexOf(".");
  return { database: namespace.slice(0, dot), name: namespace.slice(dot + 1) };
}

function targetOf(source: NamedSource, selection: Selection): NamedSource | null {
  const { rename, renameNamespaces } = selection;
  const own = renameNamespaces.get(full(source));
  if (own !== undefined) return splitNamespace(own);
  const database = rename.get(source.database);
  if (database !== undefined) return { database, name: source.name };
  if (rename.size + renameNamespaces.size > 0) return null;
  return { database: source.database, name: source.name };
}

export function globToPattern(glob: string): RegExp {
  const literal = glob.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${literal.join(".*")}$`, "s");
}

function refuseServersOwn({ rename, renameNamespaces }: Selection): void {
  const pairs = [
    ...[...rename].map(([from, to]) => ["--db", from, to, to] as const),
    ...[...renameNamespaces].map(
      ([from, to]) => ["--ns", from, to, splitNamespace(to).database] as const,
    ),
  ];
  for (const [flag, from, to, database] of pairs)
    if (from !== to && (database === "admin" || isServersDatabase(database)))
      throw new KeepError("usage", `${flag} ${from}=${to}: ${database} belongs to the server`, {
        hint: "Name another database to restore into.",
      });
}

/** A mistyped name must not pass for a small restore. */
function assertNamesSomething(sources: readonly NamedSource[], selection: Selection): void {
  const databases = [...new Set(sources.map((n) => n.database))];
  const namespaces = sources.map(full);
  for (const from of selection.rename.keys())
    if (!databases.includes(from)) throw nothing(`--db ${from}`, databases);
  for (const from of selection.renameNamespaces.keys())
    if (!namespaces.includes(from)) throw nothing(`--ns ${from}`, namespaces);
  for (const [flag, globs] of [
    ["--only", selection.only ?? []],
    ["--exclude", selection.exclude],
  ] as const)
    for (const glob of globs) {
      const pattern = globToPattern(glob);
      const there = flag === "--exclude" ? [...namespaces, ...databases] : namespaces;
      if (!there.some((name) => pattern.test(name))) throw nothing(`${flag} ${glob}`, namespaces);
    }
}

function nothing(option: string, there: readonly string[]): KeepError {
  const shown = there.slice(0, 8).join(", ") + (there.length > 8 ? ", …" : "");
  return new KeepError("usage", `${option} names nothing in this backup`, {
    hint: `The backup holds ${shown}.`,
  });
}

/** A dump's folder may be called anyhow, and gives the database its name. */
function assertPossible(selected: readonly Selected<NamedSource>[]): void {
  for (const { source, target } of selected) {
    const name = target.database;
    if (isDatabaseName(name)) continue;
    throw new KeepError("usage", `${JSON.stringify(name)} is no name of a database`, {
      hint: `Name the one to restore into: --db ${JSON.stringify(`${source.database}=surg`)}.`,
    });
  }
}

function assertDistinct(selected: readonly Selected<NamedSource>[]): void {
  const seen = new Set<string>();
  for (const { target } of selected) {
    const namespace = full(target);
    if (seen.has(namespace))
      throw new KeepError("usage", `two namespaces of the backup would become ${namespace}`, {
        hint: "Give each of them another target with --db A=B or --ns A.x=B.y.",
      });
    seen.add(namespace);
  }
}
