// What moves the documents of a backup, as an interface; choose-engine.ts has those behind it. Types only.
// What must stay true: whatever ran, the files are a backup of ours, and the manifest says what ran.
import type { EngineName } from "../archive/manifest.ts";
import type { PartialBackup } from "../archive/writer.ts";
import type { Compression } from "../codec/codec.ts";
import type { Deployment } from "../mongo/deployment.ts";
import type { DumpContext, DumpOptions, DumpResult } from "./native.ts";

/** A dump, and what really made it: an engine whose tool is missing hands over to another one. */
export interface EngineDump extends DumpResult {
  readonly engine: EngineName;
  /** Of the files as they lie there. */
  readonly compression: Compression;
}

/**
 * The contract of an engine. It leaves in `partial` the files of the selected namespaces, and nothing
 * else, in the layout of archive/layout.ts: 0600 in folders 0700, on disk, none through a link. The result
 * names each of them with its SHA-256, and each collection with the documents and BSON bytes counted from
 * what was written, not from what was announced. Our own collections (mongo/own-collections.ts) and the
 * server's passing ones are left out. `options.allowEmpty` false: an empty database is `database-empty`.
 * When `context.signal` aborts it stops soon, and every program that it started is gone when it rejects.
 * No secret in argv, in messages or in files that outlive it. It seals and verifies nothing: the job does.
 */
export interface DumpEngine {
  readonly name: EngineName;
  dump(
    deployment: Deployment,
    partial: PartialBackup,
    options: DumpOptions,
    context: DumpContext,
  ): Promise<EngineDump>;
}
