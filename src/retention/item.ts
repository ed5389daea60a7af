// What retention needs to know of a backup, and what it says about it. Types only.

/**
 * `good`: sealed, its last verification passed. `unverified`: sealed, never verified. `damaged`: sealed,
 * a later verification found damage. `damaged-folder`: `<id>.damaged`, set aside by its own run.
 * `unreadable`: anything whose manifest cannot be read or trusted.
 */
export type RetentionState = "good" | "unverified" | "damaged" | "damaged-folder" | "unreadable";

export interface RetentionItem {
  readonly id: string;
  /** When the backup began. NaN where it cannot be known: such a backup is kept. */
  readonly createdAtMs: number;
  /** Without meaning for `damaged-folder` and `unreadable`. */
  readonly type: "automatic" | "manual" | "pre-restore";
  readonly state: RetentionState;
  /** The scope as text; null where it is unknown (`damaged-folder` and `unreadable` only). */
  readonly group: string | null;
  /** Documents in all its collections. */
  readonly documents: number;
  /** Why it must stay whatever its age ("being restored"); null where nothing asks for that. */
  readonly pinned: string | null;
  /** Id of the backup that this one builds on; null for a full one. */
  readonly parent: string | null;
}

export interface Decision {
  readonly id: string;
  readonly action: "keep" | "delete";
  /** One line for a person: "kept: …" or "deleted: …". */
  readonly reason: string;
  /**
   * From when on cleanup deletes it if the nightly backups go on and stay good. null: never, or not
   * before something else happens. Shown by `list`; decides nothing.
   */
  readonly expiresAtMs: number | null;
}

export interface RetentionAlert {
  /** The group in which nothing was deleted. */
  readonly group: string;
  readonly code: "backups-stale" | "documents-fell";
  readonly message: string;
}

export interface RetentionPlan {
  /** One for each item, newest first. */
  readonly decisions: readonly Decision[];
  readonly alerts: readonly RetentionAlert[];
}
