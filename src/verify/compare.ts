// One collection of a backup against the same one elsewhere. Memory stays flat however large both are:
// what is kept of a document are 32 bytes, beyond some number of them on disk (compare-records.ts).
import type { CollectionType } from "../archive/manifest.ts";
import { createLanes, digestOf } from "../bson/content-hash.ts";
import type { Lanes } from "../bson/content-hash.ts";
import { identityOf } from "../bson/identity.ts";
import { KeepError } from "../errors.ts";
import type { Emit } from "../events.ts";
import { compareIndexes, sameOptions } from "./compare-definitions.ts";
import type { IndexDifference } from "./compare-definitions.ts";
import { comparePartition, noDifference } from "./compare-partition.ts";
import type { Difference } from "./compare-partition.ts";
import { createRecordStore, PARTITIONS } from "./compare-records.ts";
import type { RecordStore } from "./compare-records.ts";
import { sampleIds } from "./compare-samples.ts";
import type { Samples } from "./compare-samples.ts";
import type { Pair, SideCollection } from "./compare-sides.ts";

export interface ComparedCollection {
  readonly namespace: string;
  /** What it is on each side; null: it is not there. */
  readonly type: { readonly backup: CollectionType | null; readonly other: CollectionType | null };
  /** A time series is compared by the buckets in which the server keeps its measurements. */
  readonly unit: "documents" | "buckets";
  readonly documents: { readonly backup: number | null; readonly other: number | null };
  /** On the other side only. */
  readonly added: number;
  /** In the backup only. */
  readonly removed: number;
  readonly changed: number;
  readonly samples: Samples;
  readonly indexes: IndexDifference;
  readonly options: "equal" | "differs" | "unknown";
  readonly equal: boolean;
}

export interface CompareContext {
  readonly emit: Emit;
  readonly signal: AbortSignal;
  /** Where records go that do not fit into memory. */
  readonly folder: string;
  /** `_id`s named of each kind. */
  readonly samples: number;
}

export interface Comparer extends AsyncDisposable {
  /** @throws KeepError damaged, disk-full, unreachable, rights-missing, server-error */
  compare(pair: Pair): Promise<ComparedCollection>;
}

/** Compares one collection after the other. */
export async function createComparer(context: CompareContext): Promise<Comparer> {
  const lanes = await createLanes();
  const stores = {
    backup: createRecordStore(context.folder),
    other: createRecordStore(context.folder),
  };
  return {
    async compare(pair) {
      const { documents, difference } = await compareDocuments({ ...context, pair, lanes, stores });
      const { added, removed, changed, samples: keys } = difference;
      const definitions = await compareDefinitions(pair);
      const { indexes, options } = definitions;
      const indexesDiffer = [indexes.added, indexes.removed, indexes.changed].some((n) => n.length > 0); // prettier-ignore
      return {
        namespace: pair.namespace,
        type: { backup: pair.backup?.type ?? null, other: pair.other?.type ?? null },
        unit: (pair.backup ?? pair.other)?.type === "timeseries" ? "buckets" : "documents",
        documents,
        added,
        removed,
        changed,
        samples: await sampleIds(pair, keys, lanes, context),
        ...definitions,
        equal: added + removed + changed === 0 && !indexesDiffer && options !== "differs",
      };
    },
    async [Symbol.asyncDispose]() {
      await stores.backup[Symbol.asyncDispose]();
      await stores.other[Symbol.asyncDispose]();
    },
  };
}

interface Run extends CompareContext {
  readonly pair: Pair;
  readonly lanes: Lanes;
  readonly stores: { readonly backup: RecordStore; readonly other: RecordStore };
}

interface Content {
  readonly documents: number;
  readonly contentHash: string;
}

interface DocumentsCompared {
  readonly documents: ComparedCollection["documents"];
  readonly difference: Difference;
}

async function compareDocuments(run: Run): Promise<DocumentsCompared> {
  const { backup, other } = run.pair;
  const difference = noDifference();
  if (!backup || !other) {
    const counted = await (backup ?? other)?.count(run.signal);
    difference[backup ? "removed" : "added"] = counted ?? 0;
    const documents = backup ? { backup: counted ?? 0, other: null } : { backup: null, other: counted ?? 0 }; // prettier-ignore
    return { documents, difference };
  }
  const promised = promiseOf(backup);
  // A side that promises nothing must be read; if it is what the other one promises, that is all.
  const found = promiseOf(other) ?? (await collect(run, other, run.stores.other));
  if (promised && sameContent(promised, found))
    return { documents: { backup: found.documents, other: found.documents }, difference };
  if (promiseOf(other)) await collect(run, other, run.stores.other);
  const read = await collect(run, backup, run.stores.backup);
  for (let partition = 0; partition < PARTITIONS; partition++) {
    run.signal.throwIfAborted();
    const sides = await Promise.all([run.stores.backup.read(partition), run.stores.other.read(partition)]); // prettier-ignore
    comparePartition(...sides, difference, run.samples);
  }
  return { documents: { backup: read.documents, other: found.documents }, difference };
}

function promiseOf({ documents, contentHash }: SideCollection): Content | null {
  return documents === null || contentHash === null ? null : { documents, contentHash };
}

const sameContent = (a: Content, b: Content) =>
  a.documents === b.documents && a.contentHash === b.contentHash;

/** Reads a side into a store. @throws KeepError damaged where it is not what was promised */
async function collect(run: Run, side: SideCollection, store: RecordStore): Promise<Content> {
  for (;;) {
    try {
      const content = await collectOnce(run, side, store);
      const promised = promiseOf(side);
      if (promised === null || sameContent(promised, content)) return content;
      throw new KeepError(
        "damaged",
        `${side.database}.${side.name} is not what its manifest says: ${content.documents} documents instead of ${promised.documents}, or others`,
      );
    } catch (error) {
      run.signal.throwIfAborted();
      if (side.retry?.(error) !== true) throw error;
    }
  }
}

async function collectOnce(run: Run, side: SideCollection, store: RecordStore): Promise<Content> {
  const { lanes } = run;
  let documents = 0;
  let bytes = 0;
  let [a, b] = [0n, 0n];
  store.clear();
  for await (const batch of side.read(run.signal)) {
    const raw = batch.bytes;
    for (let at = 0; at < raw.length; documents++) {
      const end = at + raw.readInt32LE(at);
      const document = raw.subarray(at, end);
      const [documentA, documentB] = [lanes.a(document), lanes.b(document)];
      const id = identityOf(raw, at);
      // Documents without an `_id` are the same one only where they are equal.
      if (id) store.add(lanes.a(id), lanes.b(id), documentA, documentB);
      else store.add(documentA, documentB, documentA, documentB);
      a += documentA;
      b += documentB;
      at = end;
    }
    bytes += raw.length;
    batch.release();
    await store.spill();
    run.emit({
      kind: "progress",
      step: "compare",
      namespace: run.pair.namespace,
      documents,
      bytes,
    });
  }
  return { documents, contentHash: digestOf(a, b) };
}

async function compareDefinitions({
  backup,
  other,
}: Pair): Promise<Pick<ComparedCollection, "indexes" | "options">> {
  const none = { added: [], removed: [], changed: [] };
  if (!backup || !other) return { indexes: none, options: "differs" };
  const [before, after] = await Promise.all([backup.describe(), other.describe()]);
  if (!before || !after) return { indexes: none, options: "unknown" };
  const same = backup.type === other.type && sameOptions(before, after);
  return { indexes: compareIndexes(before, after), options: same ? "equal" : "differs" };
}
