// What is kept, for how long.

/** A calendar period; months and years are calendar ones in BACKUP_TIMEZONE. */
export interface Period {
  readonly count: number;
  readonly unit: "d" | "w" | "mo" | "y";
}

export interface RetentionPolicy {
  readonly daily: Period;
  readonly weekly: Period;
  readonly monthly: Period;
}
