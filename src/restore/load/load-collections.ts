// Takes planned collections through create, load, indexes and verification, under whatever names they get meanwhile:
// their own (in place) or staging names. Each step is journalled first.
import type { CollectionMetadata } from "../../archive/metadata.ts";
import { readMetadata } from "../../archive/metadata-file.ts";
import type { ArchivedCollection, OpenedBackup } from "../../archive/opened.ts";
import { createContentHash, hashWithout } from "../../bson/content-hash.ts";
import type { ContentHash } from "../../bson/content-hash.ts";
import { isCapped } from "../../bson/element.ts";
import { KeepError } from "../../errors.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { dataCollection, mayHaveValidator } from "../../mongo/namespaces.ts";
import { runLargestFirst } from "../../util/task-pool.ts";
import type { Lanes } from "../../util/task-pool.ts";
import { createNamespace } from "./create.ts";
import { buildIndexes, splitIndexes, withoutExpiry } from "./indexes.ts";
import type { Definition } from "./indexes.ts";
import type { Loader } from "./load.ts";
import type { PlannedCollection, RestorePlan } from "../plan/plan.ts";
import { createVerifier } from "./read-back.ts";
import type { Proof, VerifiedCollection, Verifier } from "./read-back.ts";
import type { RestoreRecord } from "../record/record.ts";
import type { RestoreContext } from "../restore-context.ts";
import { step } from "../record/step.ts";

/** Where a collection is being built. */
export interface Target {
  readonly database: string;
  readonly name: string;
}

/** A planned collection with what the archive has of it. */
export interface Work {
  readonly planned: PlannedCollection;
  readonly target: Target;
  readonly archived: ArchivedCollection;
  readonly metadata: CollectionMetadata | null;
  /** What is built right after the load. */
  readonly indexes: readonly Definition[];
  /** The backup's oplog has removed it: nothing is to stand there. */
  readonly gone?: true;
  /**
   * It was written to while it was read: a document that was deleted and inserted again may be in the file twice. One
   * of them is loaded, whichever: the log has both changes.
   */
  readonly mayRepeat?: boolean;
}

/** What all steps of one restore share. */
export interface Run {
  readonly deployment: Deployment;
  readonly loader: Loader;
  readonly record: RestoreRecord;
  readonly context: RestoreContext;
  /** Sum over the collections, some verified at the same time. */
  readonly proving: { seconds: number };
}

export interface Build {
  /** Under which name a collection is built. */
  readonly targetOf: (planned: PlannedCollection) => Target;
  /** Indexes with an expiry are built with the others, but without the expiry (see expiry.ts). */
  readonly expiringToo: (planned: PlannedCollection) => boolean;
}

export const IN_PLACE: Build = { targetOf: (planned) => planned, expiringToo: () => false };

/** What the archive has of each planned collection that is in its files. @throws KeepError damaged */
export async function collectWork(
  backup: OpenedBackup,
  plan: Pick<RestorePlan, "collections">,
  build: Build,
): Promise<Work[]> {
  const byName = new Map(backup.collections.map((c) => [`${c.database}.${c.name}`, c]));
  const work: Work[] = [];
  for (const planned of plan.collections) {
    if (planned.fromOplog) continue;
    const archived = byName.get(`${planned.source.database}.${planned.source.name}`);
    if (!archived)
      throw new KeepError("damaged", `the backup no longer holds ${planned.namespace}`);
    const metadata = await readMetadata(archived);
    const indexes = metadata ? indexesOf(metadata, build.expiringToo(planned)) : [];
    work.push({ planned, target: build.targetOf(planned), archived, metadata, indexes });
  }
  return work;
}

export function indexesOf(
  metadata: CollectionMetadata,
  expiringToo: boolean,
): readonly Definition[] {
  const { plain, expiring } = splitIndexes(metadata);
  return expiringToo ? [...plain, ...expiring.map(withoutExpiry)] : plain;
}

/**
 * Two large ones at a time: while one loads, the other's indexes build or its verification is read. Small ones wait most of
 * the time: for the server to make and flush their files, and for the journal.
 */
const LANES: Lanes<Work> = {
  large: 2,
  small: 8,
  isSmall: ({ planned }) => planned.rawBytes !== null && planned.rawBytes <= SMALL_BYTES,
};
const SMALL_BYTES = 256 * 1024;

/**
 * Takes each collection (views aside) through load, indexes and verification, the largest first. Half the server's
 * work of one overlaps with the other's; a failure stops both. The targets must not exist.
 */
export async function loadCollections(
  run: Run,
  work: readonly Work[],
): Promise<Map<Work, VerifiedCollection>> {
  const collections = work
    .filter((w) => w.planned.type !== "view")
    .sort((a, b) => (b.planned.rawBytes ?? 0) - (a.planned.rawBytes ?? 0));
  const progress = createProgress(run, work);
  const proved = new Map<Work, VerifiedCollection>();
  using verifier = createVerifier(run.deployment);
  await runLargestFirst(collections, LANES, run.context.signal, async (one, signal) => {
    const own = { ...run, context: { ...run.context, signal } };
    const repeated = { documents: 0, hash: await createContentHash() };
    const documents = await loadOne(own, one, progress, repeated);
    await buildAll(own, one);
    const expected = withoutRepeated(one, repeated);
    proved.set(one, await verifyOne(own, verifier, expected, documents));
  });
  return proved;
}

/** Documents of a file that were left out, because another one of the same `_id` was loaded. */
interface Repeated {
  documents: number;
  readonly hash: ContentHash;
}

function withoutRepeated(work: Work, { documents, hash }: Repeated): Work {
  if (documents === 0) return work;
  const { planned } = work;
  const contentHash = planned.contentHash && hashWithout(planned.contentHash, hash.digest());
  const left = planned.documents === null ? null : planned.documents - documents;
  return { ...work, planned: { ...planned, contentHash, documents: left } };
}

function createProgress(run: Run, work: readonly Work[]) {
  const totalBytes = work.reduce((sum, w) => sum + (w.planned.rawBytes ?? 0), 0);
  let documents = 0;
  let bytes = 0;
  return {
    /** Most bytes are in one collection, which will load alone in the end: two connections from its begin on. */
    isMost: ({ rawBytes }: PlannedCollection) => (rawBytes ?? 0) > totalBytes / 2,
    add: (namespace: string, moreDocuments: number, moreBytes: number) => {
      documents += moreDocuments;
      bytes += moreBytes;
      run.context.emit({ kind: "progress", step: "load", namespace, documents, bytes, totalBytes });
    },
  };
}

async function loadOne(
  run: Run,
  { planned, target, archived, metadata, mayRepeat = false }: Work,
  progress: ReturnType<typeof createProgress>,
  repeated: Repeated,
): Promise<number> {
  const { namespace } = planned;
  await step(run, { name: "create", namespace, target }, () =>
    createNamespace(run.deployment.client, target, metadata),
  );
  const { dataFile } = archived;
  const inOrder = metadata !== null && isCapped(metadata.options);
  if (dataFile === null) return 0;
  const onRepeated = (document: Buffer) => {
    repeated.documents++;
    repeated.hash.add(document);
  };
  const load = () =>
    run.loader.load(
      dataFile,
      {
        database: target.database,
        collection: dataCollection(planned.type, target.name),
        bypassValidation: mayHaveValidator(planned.type, planned.name),
        ...(mayRepeat && { onRepeated }),
      },
      {
        inOrder,
        connections: inOrder || !progress.isMost(planned) ? 1 : 2,
        signal: run.context.signal,
        onLoaded: (documents, bytes) => {
          progress.add(namespace, documents, bytes);
        },
      },
    );
  return await step(run, { name: "load", namespace, target }, load, { words: documentsOf });
}

const documentsOf = (documents: number) => `${documents} documents`;
const indexesInWords = (indexes: readonly Definition[]) => `${indexes.length} indexes`;

/** Builds what `work` has to have, in a step of its own; nothing where it has none. */
export async function buildAll(
  run: Pick<Run, "deployment" | "record" | "context">,
  { planned, target, indexes }: Pick<Work, "planned" | "target" | "indexes">,
): Promise<void> {
  if (indexes.length === 0) return;
  const build = () => buildIndexes(run.deployment, target, indexes);
  const { namespace } = planned;
  await step(run, { name: "index", namespace, target }, build, {
    words: () => indexesInWords(indexes),
  });
}

async function verifyOne(
  run: Run,
  verifier: Verifier,
  { planned, target }: Work,
  loaded: number,
): Promise<VerifiedCollection> {
  const began = performance.now();
  const expectedDocuments = planned.documents ?? loaded;
  const { namespace } = planned;
  const prove = async () => {
    const { database, name } = target;
    const expected = { ...planned, database, name, expectedDocuments };
    const found = await verifier.verify(expected, run.context);
    if (found.equal) return found;
    const difference =
      found.documents === expectedDocuments
        ? "as many documents, but not the same ones"
        : `${found.documents} documents, not ${expectedDocuments}`;
    throw new KeepError(
      "failed",
      `${namespace}: what the server holds after the load is not what the backup holds: ${difference}`,
    );
  };
  const facts = ({ documents, contentHash }: Proof) => ({ proved: { documents, contentHash } });
  const words = (found: Proof) =>
    `${documentsOf(found.documents)} equal${planned.contentHash === null ? " by count" : ""}`;
  const on = { name: "prove", namespace, target } as const;
  const { documents, equal } = await step(run, on, prove, { words, facts });
  run.proving.seconds += (performance.now() - began) / 1000;
  const verified = planned.contentHash === null ? "count" : "hash";
  return { namespace, documents, equal, verified };
}
