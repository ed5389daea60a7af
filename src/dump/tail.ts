// The tail of the oplog beside a dump: begun where a replica set allows it, kept only where the server gave
// the instant up. What must stay true: without it a dump goes on, and says that it is not one instant.
import type { PartialBackup } from "../archive/writer.ts";
import type { Compression } from "../codec/codec.ts";
import { KeepError, toKeepError } from "../errors.ts";
import { warn } from "../events.ts";
import type { Emit } from "../events.ts";
import type { Deployment } from "../mongo/deployment.ts";
import { dataCollection } from "../mongo/namespaces.ts";
import type { NamespaceInfo } from "../mongo/namespaces.ts";
import type { ClusterTime } from "../mongo/server-info.ts";
import { readStandings } from "../mongo/standing.ts";
import { missingReplayActions } from "../oplog/rights.ts";
import { startTail } from "../oplog/tailer.ts";
import type { FinishedTail, Tail } from "../oplog/tailer.ts";
import type { KnownCollection, ReadSpan } from "../oplog/tailer-watch.ts";
import { findNewest, findOrigin } from "../oplog/tailer-origin.ts";
import { isRolledOver } from "../oplog/tailer-source.ts";
import { takenBy } from "./taken.ts";
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

/** For what a dump can do without. */
const SHORT_PATIENCE_MS = 10_000;

interface Begun {
  readonly tail: Tail;
  readonly instant: ClusterTime;
}

const knownBy = ({ database, name, dataUuid }: NamespaceInfo): KnownCollection[] =>
  dataUuid === null ? [] : [{ namespace: `${database}.${name}`, uuid: dataUuid }];
/** Collections that one question is about. */
const TOGETHER = 64;

/** A tail, and what a dump asks of it. */
export class DumpTail implements AsyncDisposable {
  readonly #request: TailRequest;
  readonly #tail: Tail | null;
  readonly #instant: ClusterTime;
  readonly #refusal: KeepError | null;
  #unsettled: NamespaceInfo[] = [];

  private constructor(request: TailRequest, begun: Begun | null, refusal: KeepError | null) {
    this.#request = request;
    this.#tail = begun?.tail ?? null;
    this.#instant = begun?.instant ?? { t: 0, i: 0 };
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
      listed: listing.namespaces.flatMap(knownBy),
      taken: takenBy(selection, listing),
      compression: request.compression,
      signal: request.signal,
    });
    return new DumpTail(request, { tail, instant }, null);
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
    const problem = this.#tail?.watch.problem;
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
    return (await this.#settleIn(info.database, [info])) === 1;
  }

  /** The same for one that was read at the instant, which is asked for with others, and at last by settleRest. */
  async settleSoon(info: NamespaceInfo): Promise<void> {
    this.#unsettled.push(info);
    if (this.#unsettled.length >= TOGETHER) await this.settleRest();
  }

  async settleRest(): Promise<void> {
    const some = this.#unsettled.filter(({ type }) => type !== "view");
    this.#unsettled = [];
    if (!this.holds) return;
    for (const [database, infos] of Map.groupBy(some, (info) => info.database))
      await this.#settleIn(database, infos);
  }

  /** How many of them stand still under their names; all where the server does not tell when. */
  async #settleIn(database: string, infos: readonly NamespaceInfo[]): Promise<number> {
    const { client } = this.#request.deployment;
    const names = infos.map(({ type, name }) => dataCollection(type, name));
    const found = await readStandings(client, database, names);
    if (found === null) return infos.length;
    const same = infos.filter(({ dataUuid }, n) => found.uuids.get(names[n] ?? "") === dataUuid);
    // It may have been away and back since the instant: the log tells.
    for (const { dataUuid } of same)
      if (dataUuid !== null) this.settleRead(dataUuid, { since: this.#instant, until: found.at });
    return same.length;
  }

  /** The collection was read whole, as far as the server tells. */
  settleRead(uuid: string, span: ReadSpan): void {
    this.#tail?.watch.settle(uuid, span);
  }

  /** Of a listing, what had the same name at the instant. What is left out is in the log, or unread later. */
  async sameAtInstant(namespaces: readonly NamespaceInfo[]): Promise<readonly NamespaceInfo[]> {
    const tail = this.#tail;
    if (!tail) return namespaces;
    const newest = await findNewest(this.#request.deployment.client);
    if (newest) await tail.reach(newest, false).catch(() => null);
    this.assertWhole();
    return namespaces.filter((info) =>
      knownBy(info).every((known) => tail.watch.nameAtInstant(known) === known.namespace),
    );
  }

  /** Whether the log has a drop or a rename of a collection of the listing; false where it cannot tell. */
  async hasMoved(): Promise<boolean> {
    if (!this.#tail || !this.holds) return false;
    const newest = await findNewest(this.#request.deployment.client);
    if (newest) await this.#tail.reach(newest, false, SHORT_PATIENCE_MS).catch(() => null);
    return this.#tail.watch.moved;
  }

  /**
   * Reads on to what the server has written by now; gives the collections that are unread there. Where there
   * are none the log ends there. null where there is no tail that holds.
   */
  async catchUp(): Promise<readonly KnownCollection[] | null> {
    this.assertWhole();
    if (!this.#tail || !this.holds) return null;
    const newest = await findNewest(this.#request.deployment.client);
    if (newest === null) return null;
    const unread = await this.#tail.reach(newest, true);
    this.assertWhole();
    return unread;
  }

  /** Where nothing is unread: what the log renames and drops, and nobody has (tailer-watch.ts). */
  get gone(): readonly KnownCollection[] {
    return this.#tail?.watch.gone() ?? [];
  }

  /** Once nothing is unread. */
  async finish(): Promise<FinishedTail | null> {
    const finished = (await this.#tail?.finish()) ?? null;
    if (finished) await this.#tellRights();
    return finished;
  }

  /** Now, because in a disaster it is too late to learn it. */
  async #tellRights(): Promise<void> {
    const missing = await missingReplayActions(this.#request.deployment.client);
    if (missing.length === 0) return;
    warn(
      this.#request.emit,
      "replay-rights",
      `restoring this backup replays its oplog, which this user may not do: ${missing.join(", ")} on any database is missing (for example the roles "restore" and "readWriteAnyDatabase" on "admin")`,
    );
  }

  /** Takes the file away unless it was finished. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#tail?.discard();
  }
}
