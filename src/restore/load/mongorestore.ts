// Loads documents through stock mongorestore; collections, indexes, expiry and the verification stay ours. What must
// stay true: its exit status and its own count are believed by nobody, the verification after the load decides.
import { warn } from "../../events.ts";
import { readChunks } from "../../archive/chunk-reader.ts";
import { findEmptyTimestamps } from "../../bson/empty-timestamp.ts";
import { KeepError } from "../../errors.ts";
import type { InsertTarget } from "../../mongo/bulk-insert.ts";
import type { Deployment } from "../../mongo/deployment.ts";
import { withoutValues } from "../../mongo/server-error.ts";
import { runMongoTool } from "../../tools/mongo-tool-run.ts";
import { findMongoTool, INSTALL_TOOLS, restoreArgs } from "../../tools/mongo-tools.ts";
import type { Secret } from "../../util/secret.ts";
import type { ArchivedFile } from "../../archive/place.ts";
import { createLoader } from "./load.ts";
import type { Loader, LoaderFactory, LoadOptions } from "./load.ts";
import { namingDocument } from "./mongorestore-refusal.ts";
import type { RestoreContext } from "../restore-context.ts";

/**
 * A loader that works through mongorestore, or the native one where that is not installed, which is said.
 */
export async function chooseMongorestore(
  { forPrograms }: Pick<Deployment, "forPrograms">,
  { emit, signal }: RestoreContext,
): Promise<LoaderFactory> {
  const instead = (code: string, why: string) => {
    const message = `mongorestore ${why}`;
    warn(emit, code, message);
    return createLoader;
  };
  if ("unfit" in forPrograms)
    return instead(
      "native-instead",
      `cannot ${forPrograms.unfit}: the native engine loads the documents`,
    );
  const { uri } = forPrograms;
  const tool = await findMongoTool("mongorestore", signal);
  if ("version" in tool) return (deployment) => createMongorestoreLoader(uri, deployment);
  return instead(
    "tool-missing",
    `${tool.missing}: the native engine loads the documents; to install it: ${INSTALL_TOOLS}`,
  );
}

function createMongorestoreLoader(uri: Secret, deployment: Deployment): Loader {
  const native = createLoader(deployment);
  return {
    prepare: () => native.prepare(),
    async load(dataFile, target, options) {
      if (isNativeOnly(target, options)) return await native.load(dataFile, target, options);
      const { loaded, left } = await loadPlain(uri, dataFile, target, options);
      if (left === 0) return loaded;
      const skip = (document: Buffer) => findEmptyTimestamps(document).length === 0;
      return loaded + (await native.load(dataFile, target, { ...options, skip }));
    },
    [Symbol.dispose]: () => {
      native[Symbol.dispose]();
    },
  };
}

/** What mongorestore would change, or not tell: the order of a capped collection, the server's own, repeated documents. */
function isNativeOnly(target: InsertTarget, options: LoadOptions): boolean {
  const { database, collection } = target;
  const serversOwn = collection.startsWith("system.") && !collection.startsWith("system.buckets.");
  return (
    options.inOrder ||
    options.skip !== undefined ||
    target.onRepeated !== undefined ||
    serversOwn ||
    database === "admin" ||
    database === "config"
  );
}

/**
 * All documents but those in which an insert would replace an empty timestamp (TOOLS-3540): these are left.
 * They go through stdin, so that every compression and every name of a file will do.
 */
async function loadPlain(
  uri: Secret,
  dataFile: ArchivedFile,
  target: InsertTarget,
  options: LoadOptions,
): Promise<{ loaded: number; left: number }> {
  const { signal, onLoaded } = options;
  const count = { sent: 0, left: 0 };
  let failure: { error: unknown } | undefined;
  const stdin = async function* (): AsyncGenerator<Buffer, void, void> {
    try {
      for await (const { raw } of readChunks(dataFile, { width: AHEAD, signal })) {
        const before = count.sent;
        yield* plainParts(raw, count);
        onLoaded(count.sent - before, raw.length);
      }
    } catch (error) {
      failure = { error };
      throw error;
    }
  };
  const told = createTold();
  const args = (config: string) => restoreArgs({ ...target, config });
  const run = { uri, args, signal, stdin: stdin(), onLine: told.add, clean: withoutDocuments };
  const ended = await runMongoTool("mongorestore", run).then(
    () => null,
    (error: unknown) => ({ error }),
  );
  // What cannot be read is the cause; that mongorestore got less than a document is the consequence.
  if (failure) throw failure.error;
  const namespace = `${target.database}.${target.collection}`;
  if (ended)
    throw await namingDocument(ended.error, dataFile, { namespace, restored: told.restored() });
  assertAll(target, count.sent, told.restored());
  return { loaded: count.sent, left: count.left };
}

/**
 * What it said, without values of documents: a refused one's keys can be so long that the end of what it said
 * begins in the middle of them.
 */
export function withoutDocuments(said: string): string {
  const begin = said.search(/^\d{4}-\d\d-\d\dT\S+\t/m);
  return begin < 0 ? "" : withoutValues(said.slice(begin));
}

/** Chunks inflated ahead of the pipe. */
const AHEAD = 3;

function* plainParts(chunk: Buffer, count: { sent: number; left: number }): Generator<Buffer> {
  let start = 0;
  for (const at of [...findEmptyTimestamps(chunk), chunk.length]) {
    for (let one = start; one < at; one += chunk.readInt32LE(one)) count.sent++;
    if (at > start) yield chunk.subarray(start, at);
    if (at === chunk.length) return;
    count.left++;
    start = at + chunk.readInt32LE(at);
  }
}

/** `N document(s) restored successfully. M document(s) failed to restore.`, its last line. */
function createTold() {
  let restored: number | null = null;
  return {
    add: (line: string) => {
      const found = /^(\d+) document\(s\) restored successfully\./.exec(line)?.[1];
      if (found !== undefined) restored = Number(found);
    },
    restored: () => restored,
  };
}

function assertAll(target: InsertTarget, sent: number, restored: number | null): void {
  if (restored === null || restored === sent) return;
  const namespace = `${target.database}.${target.collection}`;
  throw new KeepError(
    "server-error",
    `${namespace}: mongorestore restored ${restored} of ${sent} documents`,
    { details: { namespace } },
  );
}
