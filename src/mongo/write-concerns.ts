// How long a write waits for the members of a replica set. What must stay true: no command waits without end, as the
// server's own default does (a majority, without a time limit) in a set that has lost one.

/** For what a later wait for a majority covers, or nobody misses after a fail-over. */
export const BY_PRIMARY = { w: 1 } as const;

/** A set that has lost members must not stop a restore for ever. */
export const MAJORITY = { w: "majority", wtimeout: 60_000 } as const;

export type WriteConcern = typeof BY_PRIMARY | typeof MAJORITY;
