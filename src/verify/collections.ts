// Whether a manifest's collections can be restored from its files at all, before a byte of them is read.
import { DATA_FILE } from "../archive/reader.ts";
import type { ManifestCollection } from "../archive/manifest.ts";
import type { Problem } from "../archive/verification.ts";

/** A collection without data, or two that share a name or a file. */
export function checkCollections(collections: readonly ManifestCollection[]): Problem[] {
  const seen = new Set<string>();
  return collections.flatMap((collection) => {
    const { database, name, files } = collection;
    const namespace = `${database}.${name}`;
    const taken = [namespace, ...files].filter((key) => seen.has(key));
    for (const key of [namespace, ...files]) seen.add(key);
    const data = files.filter((file) => DATA_FILE.test(file));
    const problems: Problem[] = [];
    const report = (problem: string) =>
      problems.push({ file: data[0] ?? files[0] ?? "", chunk: null, document: null, problem });
    if (data.length !== (collection.type === "view" ? 0 : 1))
      report(`${namespace} has ${data.length} data files in the manifest`);
    if (taken.length > 0) report(`the manifest names ${taken.join(" and ")} twice`);
    return problems;
  });
}
