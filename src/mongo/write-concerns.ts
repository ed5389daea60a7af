// How long a write waits for the members of a replica set. What must stay true: no command waits without a limit, as
// the server's default does (a majority, without a time limit) in a set that has lost one.

/** For writes that a later wait for a majority covers, or that may be lost in a fail-over. */
export const BY_PRIMARY = { w: 1 } as const;

/** A set that has lost members must not block a restore forever. */
export const MAJORITY = { w: "majority", wtimeout: 60_000 } as const;

export type WriteConcern = typeof BY_PRIMARY | typeof MAJORITY;
