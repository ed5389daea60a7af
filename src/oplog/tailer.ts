// Stores the oplog on disk while a dump runs, so that a short oplog is no problem: `oplog.bson` in the top folder of
// the backup, as in mongodump --oplog. What must stay true: a finished file has every entry that concerns the backup,
// from the instant (for transactions open then, from their start) to its end. Otherwise the tail fails and leaves no
// file.
import { oplogPath } from "../archive/layout.ts";
import type { DataFile, WrittenFile } from "../archive/data-file.ts";
import type { PartialBackup } from "../archive/writer.ts";
import type { Compression } from "../codec/codec.ts";
import { createEncoder } from "../codec/create.ts";
import { KeepError, toKeepError } from "../errors.ts";
import type { Deployment } from "../mongo/deployment.ts";
import type { ClusterTime } from "../mongo/server-info.ts";
import { compareTimes } from "./cluster-time.ts";
import { glance } from "./glance.ts";
import { createSelect } from "./tailer-select.ts";
import type { TakenNamespaces } from "./followed-names.ts";
import { followOplog } from "./tailer-source.ts";
import { createWatch } from "./tailer-watch.ts";
import type { KnownCollection, Watch } from "./tailer-watch.ts";

export interface TailOptions {
  /** The entry to start at (tailer-origin.ts). */
  readonly origin: ClusterTime;
  /** The instant of the dump; entries up to it need no replay. */
  readonly instant: ClusterTime;
  /** The collections of the listing, each by the UUID of the collection that holds its documents. */
  readonly listed: readonly KnownCollection[];
  readonly taken: TakenNamespaces;
  readonly compression: Compression;
  readonly signal: AbortSignal;
}

export interface FinishedTail extends WrittenFile {
  readonly entries: number;
  /** The newest entry seen: everything up to it that concerns the backup is in the file. */
  readonly to: ClusterTime;
}

export interface Tail {
  /** Why it stopped; null while it runs. */
  readonly failure: Error | null;
  /** What it has seen of each collection. */
  readonly watch: Pick<Watch, "problem" | "moved" | "gone" | "nameAtInstant" | "settle">;
  /**
   * Reads on to `target` and returns the collections that are unread there. If there are none and `mayStop` is set, the
   * file ends there. @throws its failure, and unreachable if nothing new arrives for `patienceMs`
   */
  reach(
    target: ClusterTime,
    mayStop: boolean,
    patienceMs?: number,
  ): Promise<readonly KnownCollection[]>;
  /** Closes the file after `reach` found the end. @throws its failure; the file is then removed */
  finish(): Promise<FinishedTail>;
  /** Stops at once and removes the file. Does nothing after `finish`. */
  discard(): Promise<void>;
}

/** A caller that waits for the tail, and its target. */
interface Waiting {
  readonly target: ClusterTime;
  readonly mayStop: boolean;
  readonly resolve: (unread: readonly KnownCollection[]) => void;
}

/** A healthy majority is behind by milliseconds. */
const PATIENCE_MS = 120_000;
/** Approximate size of the chunks of a data file. */
const PIECE_BYTES = 2 * 1024 * 1024;

/** Starts to write. Later failures are in `failure`, and `finish` throws them. @throws KeepError disk-full */
export async function startTail(
  deployment: Deployment,
  partial: PartialBackup,
  options: TailOptions,
): Promise<Tail> {
  const name = oplogPath(options.compression.algorithm);
  const file = await partial.openDataFile(name, createEncoder(options.compression), 1);
  return new OplogTail(deployment, file, () => partial.removeFile(name), options);
}

class OplogTail implements Tail {
  failure: Error | null = null;
  readonly #file: DataFile;
  readonly #removeFile: () => Promise<void>;
  readonly #options: TailOptions;
  readonly watch: Watch;
  readonly #select: ReturnType<typeof createSelect>;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #entries = 0;
  #position: ClusterTime = { t: 0, i: 0 };
  #waiting: Waiting | null = null;
  #over = false;

  constructor(
    deployment: Deployment,
    file: DataFile,
    removeFile: () => Promise<void>,
    options: TailOptions,
  ) {
    this.#file = file;
    this.#removeFile = removeFile;
    this.#options = options;
    this.#select = createSelect(options.taken, options.instant);
    const takes = (namespace: string) => {
      const dot = namespace.indexOf(".");
      return options.taken.collection(namespace.slice(0, dot), namespace.slice(dot + 1));
    };
    this.watch = createWatch(options.listed, takes);
    this.#running = this.#follow(deployment).catch((error: unknown) => {
      this.failure = error instanceof Error ? error : toKeepError(error);
    });
  }

  async reach(target: ClusterTime, mayStop: boolean, patienceMs = PATIENCE_MS) {
    const patience = this.#giveUpWithoutProgress(patienceMs);
    const reached = new Promise<readonly KnownCollection[]>((resolve) => {
      this.#waiting = { target, mayStop, resolve };
    });
    try {
      if (!mayStop) this.#arrive();
      const unread = await Promise.race([reached, this.#running]);
      if (this.failure !== null) throw this.failure;
      return unread ?? [];
    } finally {
      clearInterval(patience);
    }
  }

  /** Answers the waiting caller if the target is reached. Returns whether that is the end. */
  #arrive(): boolean {
    const waiting = this.#waiting;
    if (waiting === null || compareTimes(this.#position, waiting.target) < 0) return false;
    const unread = this.watch.unread();
    this.#waiting = null;
    waiting.resolve(unread);
    return waiting.mayStop && unread.length === 0;
  }

  async finish(): Promise<FinishedTail> {
    await this.#running;
    try {
      if (this.failure !== null) throw this.failure;
      await this.#flush();
      const written = await this.#file.close();
      this.#over = true;
      return { ...written, entries: this.#entries, to: this.#position };
    } catch (error) {
      await this.discard();
      throw error;
    }
  }

  /** The target is on the primary; if it never reaches a majority, the followed log never contains it. */
  #giveUpWithoutProgress(patienceMs: number): NodeJS.Timeout {
    let seen = this.#position;
    return setInterval(() => {
      if (this.#position === seen)
        this.#stop.abort(
          new KeepError(
            "unreachable",
            `the oplog had no new entries for ${Math.round(patienceMs / 1_000)} s, although the primary has newer writes: a majority of the members does not have them`,
            { hint: "See in mongosh, with rs.status(), which members are down or behind." },
          ),
        );
      seen = this.#position;
    }, patienceMs);
  }

  async discard(): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    this.#stop.abort(new KeepError("failed", "the oplog is not needed any more"));
    await this.#running;
    await this.#file.abort();
    await this.#removeFile();
  }

  async #follow(deployment: Deployment): Promise<void> {
    const { origin, signal } = this.#options;
    const both = AbortSignal.any([signal, this.#stop.signal]);
    for await (const batch of followOplog(deployment, origin, both)) {
      both.throwIfAborted();
      for (const entry of batch) await this.#take(entry);
      const last = batch.at(-1);
      if (last) this.#position = glance(last, 0).ts;
      if (this.#arrive()) return;
    }
  }

  async #take(entry: Buffer): Promise<void> {
    const kept = this.#select(entry);
    if (kept === null) return;
    this.watch.see(kept);
    // The memory of the batch is reused, so the entry must be copied.
    this.#pending.push(kept === entry ? Buffer.from(entry) : kept);
    this.#pendingBytes += kept.length;
    this.#entries++;
    if (this.#pendingBytes >= PIECE_BYTES) await this.#flush();
  }

  async #flush(): Promise<void> {
    const raw = Buffer.concat(this.#pending);
    this.#pending = [];
    this.#pendingBytes = 0;
    await this.#file.append(raw);
  }
}
