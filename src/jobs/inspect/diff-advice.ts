// From a comparison to what to do about it. Pure.
// What must stay true: a collection to which documents were only added is not offered for a restore, which
// would lose them and bring nothing back.
import type { ComparedCollection } from "../../verify/compare.ts";

/** Whether a restore of it would bring something back. */
export function isWorthRestoring(one: ComparedCollection): boolean {
  if (one.documents.backup === null) return false;
  if (one.documents.other === null) return true;
  const { added, removed, changed } = one.indexes;
  const definitions = added.length + removed.length + changed.length > 0;
  return one.removed + one.changed > 0 || definitions || one.options === "differs";
}

/** `mongokeep restore <backup> --only …`; null where no restore brings anything back. */
export function restoreCommandOf(
  ref: string,
  collections: readonly ComparedCollection[],
  rename: ReadonlyMap<string, string>,
): string | null {
  const wanted = collections.filter(isWorthRestoring).map(({ namespace }) => namespace);
  if (wanted.length === 0) return null;
  const renames = [...rename].flatMap(([from, to]) => ["--db", `${from}=${to}`]);
  const only = wanted.flatMap((namespace) => ["--only", namespace]);
  return ["mongokeep", "restore", ref, ...renames, ...only].map(quote).join(" ");
}

/** For a shell, as it stands where that is safe. */
function quote(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
