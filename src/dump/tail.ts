// The tail of the oplog beside a dump: begun where a replica set allows it, kept only where the server gave
// the instant up. What must stay true: without it a dump goes on, and says that it is not one instant.
import type { PartialBackup } from "../archive/writer.ts";
import type { Compression } from "../codec/codec.ts";
import { KeepError, toKeepError } from "../errors.ts";
import type { Emit } from "../events.ts";
import type { Deployment } from "../mongo/deployment.ts";
import { dataCollection } from "../mongo/namespaces.ts";
import type { NamespaceInfo } from "../mongo/namespaces.ts";
import type { ClusterTime } from "../mongo/server-info.ts";
import { readStanding } from "../mongo/standing.ts";
import { missingReplayActions } from "../oplog/rights.ts";
import { startTail } from "../oplog/tailer.ts";
import type { FinishedTail, Tail } from "../oplog/tailer.ts";
import { findNewest, findOrigin } from "../oplog/tailer-origin.ts";
import { isRolledOver } from "../oplog/tailer-source.ts";
import { takenBy } from "./listing.ts";
import type { Listing, Selection } from "./listing.ts";

/** Where the tail of a dump begins, or why there is none. */
export type TailOrigin = ClusterTime | KeepError | null;

/** Call before the instant of the dump is chosen. */
export async function findTailOrigin(deployment: Deployment): Promise<TailOrigin> {
  if (deployment.server.topology !== "replicaSet" || deployment.isLookalike) return null;
  try {
    return await findOrigin(deployment.client);
  } catch (error) {
    const known = toKeepError(error);
    if (known.code === "unreachable") throw known;
    return known;
  }
}

export interface TailRequest {
  readonly deployment: Deployment;
  readonly partial: PartialBackup;
  readonly compression: Compression;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

/** A tail, and what a dump asks of it. */
export class DumpTail implements AsyncDisposable {
  readonly #request: TailRequest;
  readonly #tail: Tail | null;
  readonly #refusal: KeepError | null;

  private constructor(request: TailRequest, tail: Tail | null, refusal: KeepError | null) {
    this.#request = request;
    this.#tail = tail;
    this.#refusal = refusal;
  }

  static async start(
    request: TailRequest,
    origin: TailOrigin,
    instant: ClusterTime | null,
    selection: Selection,
    listing: Listing,
  ): Promise<DumpTail> {
    if (origin === null || instant === null) return new DumpTail(request, null, null);
    if (origin instanceof KeepError) return new DumpTail(request, null, origin);
    const tail = await startTail(request.deployment, request.partial, {
      origin,
      instant,
      listed: listing.namespaces.map((n) => `${n.database}.${n.name}`),
      taken: takenBy(selection, listing),
      compression: request.compression,
      signal: request.signal,
    });
    return new DumpTail(request, tail, null);
  }

  /** Whether it can still make the dump one instant. */
  get holds(): boolean {
    return this.#tail !== null && this.#tail.failure === null;
  }

  /** Why it cannot; null while it holds, and where there is nothing to tail. */
  get reason(): KeepError | null {
    const failure = this.#tail?.failure ?? null;
    return this.#refusal ?? (failure && toKeepError(failure));
  }

  /**
   * Once a dump depends on it. A server that does not let us read its oplog is no failure.
   * @throws KeepError where the oplog rolled over or the connection was lost, and namespaces-changed where
   * something happened that no replay makes whole
   */
  assertWhole(): void {
    const { reason } = this;
    if (
      reason &&
      (isRolledOver(reason) || reason.code === "unreachable" || reason.code === "disk-full")
    )
      throw reason;
    const problem = this.#tail?.problem;
    if (problem)
      throw new KeepError(
        "namespaces-changed",
        `the oplog has what cannot be replayed while the dump runs: ${problem.what} (${problem.namespace})`,
        { details: { namespace: problem.namespace } },
      );
  }

  /** After the last document of a collection. false: another collection bears its name by now, or none. */
  async settle(info: NamespaceInfo): Promise<boolean> {
    if (!this.holds || info.type === "view") return true;
    const { database, name, type, dataUuid } = info;
    const { client } = this.#request.deployment;
    const standing = await readStanding(client, database, dataCollection(type, name));
    if (standing === null) return true;
    if (standing.uuid !== dataUuid) return false;
    this.#tail?.settle(`${database}.${name}`, standing.at);
    return true;
  }

  /** Reads on to what the server has written by now; null where there is no tail that holds. */
  async finish(): Promise<FinishedTail | null> {
    this.assertWhole();
    if (!this.#tail || !this.holds) return null;
    const newest = await findNewest(this.#request.deployment.client);
    if (newest === null) return null;
    const finished = await this.#tail.finish(newest);
    this.assertWhole();
    await this.#tellRights();
    return finished;
  }

  /** Now, because in a disaster it is too late to learn it. */
  async #tellRights(): Promise<void> {
    const missing = await missingReplayActions(this.#request.deployment.client);
    if (missing.length === 0) return;
    this.#request.emit({
      kind: "log",
      level: "warn",
      code: "replay-rights",
      message: `restoring this backup replays its oplog, which this user may not do: ${missing.join(", ")} on any database is missing (for example the roles "restore" and "readWriteAnyDatabase" on "admin")`,
    });
  }

  /** Takes the file away unless it was finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tail?.discard();
  }
}
