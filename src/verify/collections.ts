// Whether a manifest's collections can be restored from its files at all, before a byte of them is read.
import { isAccounts, isOplog } from "../archive/layout.ts";
import { DATA_FILE, METADATA_FILE } from "../archive/layout.ts";
import type { ManifestCollection, ManifestFile } from "../archive/manifest.ts";
import type { Problem } from "../archive/verification.ts";

export interface PromisedCollections {
  readonly collections: readonly ManifestCollection[];
  readonly files: readonly ManifestFile[];
}

/** A collection without data or metadata, two that share a name or a file, files that are nobody's or elsewhere. */
export function checkCollections({ collections, files }: PromisedCollections): Problem[] {
  const seen = new Set<string>();
  const stored = new Map(files.map(({ path, bytes }) => [path, bytes]));
  const problems: Problem[] = [];
  const report = (file: string, problem: string) =>
    problems.push({ file, chunk: null, document: null, problem });
  for (const collection of collections) {
    const { database, name, files: own, storedBytes } = collection;
    const namespace = `${database}.${name}`;
    const taken = [namespace, ...own].filter((key) => seen.has(key));
    for (const key of [namespace, ...own]) seen.add(key);
    const data = own.filter((file) => DATA_FILE.test(file));
    const metadata = own.filter((file) => METADATA_FILE.test(file));
    const file = data[0] ?? own[0] ?? "";
    if (data.length !== (collection.type === "view" ? 0 : 1))
      report(file, `${namespace} has ${data.length} data files in the manifest`);
    else if (storedBytes !== sizeOf(data, stored))
      report(file, `${namespace} has ${storedBytes} bytes stored in the manifest, and its file has ${sizeOf(data, stored)}`); // prettier-ignore
    if (metadata.length !== 1)
      report(file, `${namespace} has ${metadata.length} metadata files in the manifest`);
    if (taken.length > 0) report(file, `the manifest names ${taken.join(" and ")} twice`);
    const elsewhere = own.find((path) => !path.startsWith(`${database}/`));
    if (elsewhere !== undefined) report(elsewhere, `it is not in the folder of ${database}`);
  }
  for (const { path } of files)
    if (!seen.has(path) && !isOplog(path) && !isAccounts(path))
      report(path, "the manifest has it for no collection");
  return problems;
}

const sizeOf = (data: readonly string[], stored: ReadonlyMap<string, number>) =>
  data.reduce((sum, path) => sum + (stored.get(path) ?? 0), 0);
