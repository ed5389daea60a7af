// Verifies that the server holds what the backup holds: every document is read back raw, counted and hashed.
import { createContentHash } from "../../bson/content-hash.ts";
import { readRaw } from "../../mongo/bulk-read.ts";
import { readByCursor } from "../../mongo/cursor-read.ts";
import type { Deployment, RawConnection } from "../../mongo/deployment.ts";
import { dataCollection } from "../../mongo/namespaces.ts";
import type { CollectionType } from "../../archive/manifest.ts";
import type { RestoreContext } from "../restore-context.ts";

export interface ToVerify {
  readonly namespace: string;
  readonly database: string;
  readonly name: string;
  readonly type: CollectionType;
  readonly expectedDocuments: number;
  /** null: nothing is promised (stock dumps); the count alone is compared. */
  readonly contentHash: string | null;
}

/** How what is live was compared with what it should be. */
export type Verified = "hash" | "count" | "definition" | "renamed back" | "not verified";

export interface VerifiedCollection {
  readonly namespace: string;
  /** null: nobody counted them. */
  readonly documents: number | null;
  /** null: not compared. */
  readonly equal: boolean | null;
  readonly verified: Verified;
}

export const notVerified = (namespace: string): VerifiedCollection => ({
  ...{ namespace, documents: null, equal: null, verified: "not verified" },
});

/** What was read back. */
export interface Proof {
  readonly namespace: string;
  readonly documents: number;
  readonly equal: boolean;
  /** Of what was read. */
  readonly contentHash: string;
}

const PIECE_BYTES = 4 * 1024 * 1024;
const BATCH_DOCUMENTS = 4_000;

/** Proves collections, also several at the same time, over connections that are used again. */
export interface Verifier extends Disposable {
  verify(one: ToVerify, context: RestoreContext): Promise<Proof>;
}

export function createVerifier(deployment: Deployment): Verifier {
  const idle: RawConnection[] = [];
  const open = new Set<RawConnection>();
  return {
    async verify(one, context) {
      const raw = idle.pop() ?? (await deployment.openReader("primary"));
      if (raw) open.add(raw);
      const proof = await readBack(deployment, raw, one, context);
      // After a failure a connection may hold the rest of an answer: only whole ones are used again.
      if (raw) idle.push(raw);
      return proof;
    },
    [Symbol.dispose]: () => {
      for (const raw of open) raw[Symbol.dispose]();
    },
  };
}

async function readBack(
  deployment: Deployment,
  raw: RawConnection | null,
  one: ToVerify,
  context: RestoreContext,
): Promise<Proof> {
  const options = {
    database: one.database,
    collection: dataCollection(one.type, one.name),
    batchDocuments: BATCH_DOCUMENTS,
    pieceBytes: PIECE_BYTES,
    at: null,
    secondaryOk: false,
  };
  const batches = raw ? readRaw(raw.wire, options) : readByCursor(deployment, options);
  const hash = await createContentHash();
  let documents = 0;
  let bytes = 0;
  for await (const batch of batches) {
    context.signal.throwIfAborted();
    hash.add(batch.bytes);
    documents += batch.documents;
    bytes += batch.bytes.length;
    batch.release();
    context.emit({ kind: "progress", step: "prove", namespace: one.namespace, documents, bytes });
  }
  const contentHash = hash.digest();
  const equal =
    documents === one.expectedDocuments &&
    (one.contentHash === null || contentHash === one.contentHash);
  return { namespace: one.namespace, documents, equal, contentHash };
}
