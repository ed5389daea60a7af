// The state of a replay: names, what exists, indexes, views, and what was done.
import type { Emit } from "../events.ts";
import type { Deployment } from "../mongo/deployment.ts";
import type { ClusterTime } from "../mongo/server-info.ts";
import type { IndexCatalog } from "./index-catalog.ts";
import type { Place } from "./operation.ts";
import { incoherent } from "./replay-error.ts";
import type { About } from "./replay-error.ts";
import type { Target } from "./rewrite.ts";
import { Standing } from "./standing.ts";
import { ViewChanges } from "./view-changes.ts";
import type { ViewDefinition } from "./view-changes.ts";
import type { ReplayWriter } from "./writer.ts";

export interface ReplayOptions {
  /**
   * The name under which a collection of the backup or its log is restored: its own name in place, otherwise a staging
   * name. Called once for each name; null if it is not part of this restore.
   */
  readonly locate: (database: string, collection: string) => Target | null;
  /** Older entries are already in the backup. */
  readonly from: ClusterTime | null;
  /** The last instant to replay, including entries of that very time. null: the end of the log. */
  readonly to: ClusterTime | null;
  /** Options and indexes of the backup; the replay changes them. */
  readonly catalog: IndexCatalog;
  /** The views of the backup. */
  readonly views?: readonly ViewDefinition[];
  /** Where transactions of more than 64 MB wait for their end. */
  readonly spillFolder: string;
  /** Called before the log creates a collection that does not exist under `target`. */
  readonly beforeCreate?: (namespace: string, target: Target) => Promise<void>;
  readonly emit: Emit;
  readonly signal: AbortSignal;
}

export interface ReplaySummary {
  /** Operations that were executed. */
  readonly applied: number;
  /** Operations on collections that are not part of this restore. */
  readonly skipped: number;
  /** Collections, by their names in the log, that exist now and did not exist before. */
  readonly created: readonly string[];
  /** Collections that existed before and no longer exist. */
  readonly dropped: readonly string[];
  /** Collections that it changed in any way, by their names in the log. */
  readonly touched: readonly string[];
  /** In order, including intermediate ones. */
  readonly renamed: readonly { readonly from: string; readonly to: string }[];
  /** Create these when the collections are in place: `views.applyTo(those of the backup)`. */
  readonly views: ViewChanges;
  /** The indexes to build: the replay has built none. */
  readonly catalog: IndexCatalog;
  /** Transactions without an end in the log; none of their operations was executed. */
  readonly unfinishedTransactions: number;
}

export const fullName = ({ database, collection }: Target) => `${database}.${collection}`;

export class ReplayState {
  readonly options: ReplayOptions;
  readonly writer: ReplayWriter;
  readonly standing: Standing;
  readonly views = new ViewChanges();
  readonly renamed: { readonly from: string; readonly to: string }[] = [];
  /** Created by the server for the duration of one command. */
  readonly temporary = new Map<string, Place>();
  applied = 0;
  skipped = 0;
  readonly #targets = new Map<string, Target | null>();
  /** Whether a collection existed when the log first created or removed it. */
  readonly #before = new Map<string, boolean>();
  readonly #now = new Map<string, boolean>();
  /** Collections that entries mention and that do not exist: the log must drop them later. */
  readonly #missing = new Map<string, About>();

  constructor(deployment: Deployment, writer: ReplayWriter, options: ReplayOptions) {
    this.options = options;
    this.writer = writer;
    this.standing = new Standing(deployment.client);
  }

  /** null: not part of this restore. */
  locate(place: Target): Target | null {
    const name = fullName(place);
    const known = this.#targets.get(name);
    if (known !== undefined) return known;
    const target = this.options.locate(place.database, place.collection);
    this.#targets.set(name, target);
    return target;
  }

  /** Whether the collection exists; a missing one is expected to be dropped later in the log. */
  async exists(place: Place, target: Target, about: About): Promise<boolean> {
    if (await this.standing.has(target)) return true;
    this.expectDrop(place, about);
    return false;
  }

  expectDrop(place: Target, about: About): void {
    const name = fullName(place);
    if (!this.#missing.has(name)) this.#missing.set(name, about);
  }

  /** The log has dropped or replaced it, so it is no longer missing. */
  isGone(place: Target): void {
    this.#missing.delete(fullName(place));
  }

  async made(place: Target, target: Target): Promise<void> {
    await this.#follow(place, target, true);
  }

  async removed(place: Target, target: Target): Promise<void> {
    await this.#follow(place, target, false);
  }

  async #follow(place: Target, target: Target, isThere: boolean): Promise<void> {
    const name = fullName(place);
    if (!this.#before.has(name)) this.#before.set(name, await this.standing.has(target));
    this.#now.set(name, isThere);
    await this.standing.set(target, isThere);
  }

  /** @throws KeepError damaged if the log writes to a collection that does not exist anywhere */
  summarize(unfinishedTransactions: number): ReplaySummary {
    for (const about of this.#missing.values())
      throw incoherent(about, "neither the backup nor the log has this collection");
    const changed = (before: boolean) =>
      [...this.#now].flatMap(([name, now]) =>
        now !== before && this.#before.get(name) === before ? [name] : [],
      );
    const { applied, skipped, renamed, views } = this;
    const { catalog } = this.options;
    const [created, dropped] = [changed(false).sort(), changed(true).sort()];
    const touched = [...this.#targets].flatMap(([name, target]) => (target ? [name] : [])).sort();
    return {
      applied,
      skipped,
      created,
      dropped,
      touched,
      renamed,
      views,
      catalog,
      unfinishedTransactions,
    };
  }
}
