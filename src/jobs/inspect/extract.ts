// Documents out of a backup, without a server: those that a query asks for, each as one line of canonical
// Extended JSON. The only job that gives contents away: to the sink that asked, never to a log.
import { warn } from "../../events.ts";
import { setImmediate as nextTurn } from "node:timers/promises";
import { distance } from "fastest-levenshtein";
import type { ArchivedCollection, OpenedBackup } from "../../archive/opened.ts";
import { resolveBackup } from "../../archive/resolve.ts";
import { createContentHash } from "../../bson/content-hash.ts";
import { rawToEjson } from "../../bson/ejson.ts";
import { parseQuery } from "../../bson/query/query.ts";
import type { Query } from "../../bson/query/query.ts";
import { KeepError } from "../../errors.ts";
import { TimeLimitError, withTimeLimit } from "../../util/time-limit.ts";
import { readArchived } from "../../verify/compare-sides.ts";
import type { JobContext } from "../context.ts";
import type { ExtractResult } from "../results.ts";
import { openFound } from "./unpack-archive.ts";

export interface ExtractRequest {
  /** An id, a path, or "latest". */
  readonly backup: string;
  /** `database.collection` as the backup names it. */
  readonly namespace: string;
  /** Extended JSON; null: every document. */
  readonly query: string | null;
  /** null: all that match. */
  readonly limit: number | null;
}

/** Takes one document; false: nobody wants more. A promise where its reader is slow. */
export type Sink = (ejson: string) => boolean | Promise<boolean>;

const everything: Query = () => true;

/** @throws KeepError usage, backup-not-found, damaged; documents before the damage were given already */
export async function runExtract(
  context: JobContext,
  request: ExtractRequest,
  sink: Sink,
): Promise<ExtractResult> {
  const query = request.query === null ? everything : parseQuery(request.query);
  const { settings, clock, signal } = context;
  const { hosts, databases, backupDir } = settings;
  const wanted = { hosts, databases, exclude: [] };
  const found = await resolveBackup(backupDir, request.backup, wanted, clock.now(), context.place);
  await using opened = await openFound(context, found, "extract");
  const collection = findCollection(opened.backup, request.namespace);
  if (collection.type === "timeseries")
    warn(
      context.emit,
      "buckets",
      `${request.namespace} is a time series: what follows are the buckets of its measurements`,
    );
  const reading: Reading = { collection, query, limit: request.limit ?? Infinity, sink, signal };
  const { matched, isWhole } = await extractFrom(reading);
  return { ok: true, backup: found.id, namespace: request.namespace, matched, isWhole };
}

interface Reading {
  readonly collection: ArchivedCollection;
  readonly query: Query;
  readonly limit: number;
  readonly sink: Sink;
  readonly signal: AbortSignal;
}

async function extractFrom({ collection, query, limit, sink, signal }: Reading) {
  const content = await createContentHash();
  let [matched, documents] = [0, 0];
  if (limit === 0) return { matched, isWhole: false };
  for await (const { bytes } of readArchived(collection, signal)) {
    for (let at = 0; at < bytes.length;) {
      const slice = searchSlice(bytes, at, query);
      for (const found of slice.found) {
        matched++;
        const taken = sink(rawToEjson(bytes.subarray(found, found + bytes.readInt32LE(found))));
        const wantsMore = typeof taken === "boolean" ? taken : await taken;
        if (!wantsMore || matched >= limit) return { matched, isWhole: false };
      }
      documents += slice.documents;
      at = slice.end;
      // Ctrl-C gets a word in.
      await nextTurn();
      signal.throwIfAborted();
    }
    content.add(bytes);
  }
  assertPromised(collection, documents, content.digest());
  return { matched, isWhole: true };
}

const SLICE_BYTES = 1024 * 1024;
const SLICE_DOCUMENTS = 256;
/** Less than a signal waits for a run to end. */
const SLICE_MS = 4_000;

interface Slice {
  /** Where the documents that match begin. */
  readonly found: readonly number[];
  readonly documents: number;
  /** Where the next slice begins. */
  readonly end: number;
}

/** @throws KeepError usage where a pattern takes so long that it may never end */
function searchSlice(bytes: Buffer, from: number, query: Query): Slice {
  const search = () => {
    const found: number[] = [];
    let [at, documents] = [from, 0];
    while (at < bytes.length && documents < SLICE_DOCUMENTS && at - from < SLICE_BYTES) {
      if (query(bytes, at)) found.push(at);
      at += bytes.readInt32LE(at);
      documents++;
    }
    return { found, documents, end: at };
  };
  if (query === everything) return search();
  try {
    return withTimeLimit(SLICE_MS, search);
  } catch (error) {
    if (!(error instanceof TimeLimitError)) throw error;
    throw new KeepError("usage", `the query takes over ${SLICE_MS / 1_000} s for a few documents`, {
      hint: "A pattern with a repeat inside a repeat, such as (a+)+, can take for ever: write it without.",
    });
  }
}

/** Nothing was found, or less than there was: that must not be because a file lost its end. */
function assertPromised(collection: ArchivedCollection, documents: number, hash: string): void {
  const { expected, database, name } = collection;
  if (expected === null) return;
  const sameHash = expected.contentHash === null || expected.contentHash === hash;
  if (expected.documents === documents && sameHash) return;
  throw new KeepError(
    "damaged",
    `${database}.${name} is not what its manifest says: ${documents} documents instead of ${expected.documents}, or others`,
  );
}

const CLOSE = 3;
const MOST_NAMED = 8;

function findCollection(backup: OpenedBackup, namespace: string): ArchivedCollection {
  const all = backup.collections.map((one) => ({ one, full: `${one.database}.${one.name}` }));
  const found = all.find(({ full }) => full === namespace)?.one;
  if (found && found.type !== "view") return found;
  const names = all.filter(({ one }) => one.type !== "view").map(({ full }) => full);
  const close = names.filter((full) => full.endsWith(`.${namespace}`) || distance(full, namespace) <= CLOSE); // prettier-ignore
  const hint =
    close.length > 0
      ? `Did you mean ${close.slice(0, MOST_NAMED).join(" or ")}?`
      : `There are ${names.slice(0, MOST_NAMED).join(", ")}${names.length > MOST_NAMED ? ", …" : ""}.`;
  const problem = found
    ? `${namespace} is a view, which holds no documents`
    : `there is no ${JSON.stringify(namespace)} in ${backup.id}`;
  throw new KeepError("usage", problem, { hint });
}
