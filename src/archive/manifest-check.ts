// Reads manifest.json with distrust: its own checksum, its version, its shape, and whether it adds up.
// What must stay true: no path of a manifest that passes can lead out of its backup.
import { assertDatabaseName, MANIFEST_FILE, VERIFICATION_FILE } from "./layout.ts";
import { MANIFEST_SCHEMA } from "./manifest.ts";
import type { Manifest, Totals } from "./manifest.ts";
import { manifestSchema } from "./manifest-schema.ts";
import { isSealed } from "./seal.ts";
import { KeepError } from "../errors.ts";

/** `problem` completes a sentence that begins with the file's name: "is not JSON". */
export type ParsedManifest = { readonly manifest: Manifest } | { readonly problem: string };

/** Never throws, whatever the text. */
export function parseManifest(text: string): ParsedManifest {
  if (nestsDeeply(text)) return { problem: "is no manifest: it is nested too deeply" };
  const value = parseJson(text);
  if (value === undefined) return { problem: "is not JSON" };
  // Before the checksum: a newer version may seal in another way.
  const newer = newerSchema(value);
  if (newer !== null) return { problem: `was made by a newer mongokeep (schema ${newer})` };
  if (!isSealed(text))
    return { problem: "was changed after it was written: its own checksum does not fit" };
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const field = issue?.path.join(".") ?? "";
    return {
      problem: `is no manifest: ${field === "" ? "" : `${field}: `}${issue?.message ?? ""}`,
    };
  }
  const problem = findContradiction(parsed.data);
  return problem === null ? { manifest: parsed.data } : { problem };
}

const DEEPEST = 50;
const MARKS = /["[\]{}]/g;
const MARKS_IN_STRING = /["\\]/g;

/** Before it is parsed: a million brackets take some hundred times their length in memory. */
function nestsDeeply(text: string): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; ;) {
    const marks = inString ? MARKS_IN_STRING : MARKS;
    marks.lastIndex = at;
    const mark = marks.exec(text)?.[0];
    if (mark === undefined) return false;
    at = marks.lastIndex;
    if (mark === '"') inString = !inString;
    else if (mark === "\\") at++;
    else if (mark === "[" || mark === "{") depth++;
    else depth--;
    if (depth > DEEPEST) return true;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function newerSchema(value: unknown): number | null {
  if (typeof value !== "object" || value === null || !("schema" in value)) return null;
  const { schema } = value;
  return typeof schema === "number" && schema > MANIFEST_SCHEMA ? schema : null;
}

function findContradiction(manifest: Manifest): string | null {
  return findBadFile(manifest) ?? findBadDatabase(manifest) ?? findWrongTotal(manifest);
}

function findBadFile({ files, collections }: Manifest): string | null {
  const listed = new Set<string>([MANIFEST_FILE, VERIFICATION_FILE]);
  for (const { path } of files) {
    if (listed.has(path)) return `names the file ${JSON.stringify(path)} twice`;
    listed.add(path);
  }
  for (const { files: own } of collections)
    for (const path of own)
      if (!listed.has(path)) return `has no size and checksum of the file ${JSON.stringify(path)}`;
  return null;
}

function findBadDatabase({ databases, collections }: Manifest): string | null {
  try {
    for (const name of databases) assertDatabaseName(name);
    for (const { database } of collections) assertDatabaseName(database);
    const named = new Set(databases);
    const unnamed = collections.find(({ database }) => !named.has(database));
    return unnamed ? `does not name the database ${unnamed.database} of a collection` : null;
  } catch (error) {
    if (error instanceof KeepError) return `is no manifest: ${error.message}`;
    throw error;
  }
}

function findWrongTotal({ collections, files, totals }: Manifest): string | null {
  const found: Totals = {
    collections: collections.length,
    documents: sum(collections.map((c) => c.documents)),
    rawBytes: sum(collections.map((c) => c.rawBytes)),
    storedBytes: sum(files.map((f) => f.bytes)),
  };
  for (const key of ["collections", "documents", "rawBytes", "storedBytes"] as const)
    if (found[key] !== totals[key])
      return `does not add up: totals.${key} is ${totals[key]}, and its parts make ${found[key]}`;
  return null;
}

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
