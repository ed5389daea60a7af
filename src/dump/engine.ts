// What moves the documents of a backup: one interface, the engines behind it, and the choice.
// What must stay true: whatever ran, the files are a backup of ours, and the manifest says what ran.
import type { EngineName } from "../archive/manifest.ts";
import type { PartialBackup } from "../archive/writer.ts";
import type { Compression } from "../codec/codec.ts";
import { effectiveLevel } from "../codec/levels.ts";
import { KeepError } from "../errors.ts";
import type { Deployment } from "../mongo/deployment.ts";
import type { Secret } from "../util/secret.ts";
import { dumpDatabases } from "./native.ts";
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

/** What engines need that work through other programs. */
export interface EngineNeeds {
  readonly uri: Secret | null;
}

/** @throws KeepError not-in-this-version */
export function chooseEngine(name: EngineName, _needs: EngineNeeds): DumpEngine {
  switch (name) {
    case "native":
      return nativeEngine;
    case "mongodump":
    case "ejson":
      throw new KeepError("not-in-this-version", `the engine ${name} is not in this version`);
  }
}

/** Our own: raw documents off the wire, several chunks compressed at once, one instant where there is one. */
export const nativeEngine: DumpEngine = {
  name: "native",
  async dump(deployment, partial, options, context) {
    const dumped = await dumpDatabases(deployment, partial, options, context);
    const { compression } = options;
    return {
      ...dumped,
      engine: "native",
      compression: { ...compression, level: effectiveLevel(compression) },
    };
  },
};
