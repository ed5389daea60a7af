// Answers of a replica set that cannot accept a write: each cause has its own code, text and hint.
import type { ErrorCode } from "../errors.ts";

export interface SetRefusal {
  readonly code: ErrorCode;
  /** What it means; the server's own message follows. */
  readonly means: string;
  readonly hint: string;
}

export const NO_MAJORITY_HINT =
  "Start the members that are down: rs.status() in mongosh names them. Remove members that are gone for good from the set, or take away their votes, with rs.reconfig(cfg) in mongosh; if the set has no primary, run rs.reconfig(cfg, {force: true}) on a remaining member. Then run it again.";
export const NOT_PRIMARY_HINT =
  "Name all members of the replica set in MONGODB_URI, without directConnection, so that mongokeep finds the primary (rs.status() in mongosh says which member it is). If the set has just elected another one, run it again.";

const notConfirmed: SetRefusal = {
  code: "no-majority",
  means: "not enough members of the replica set confirm the write",
  hint: NO_MAJORITY_HINT,
};
const notPrimary: SetRefusal = {
  code: "not-primary",
  means: "this member is not the primary of its replica set",
  hint: NOT_PRIMARY_HINT,
};
const goesDown: SetRefusal = {
  code: "server-error",
  means: "the server is shutting down",
  hint: "Start the server again, or wait until the set has elected another primary; then run it again.",
};

/** Codes of src/mongo/base/error_codes.yml in the server's source. */
const REFUSALS: ReadonlyMap<number, SetRefusal> = new Map([
  [64, notConfirmed], // WriteConcernTimeout
  [
    100, // UnsatisfiableWriteConcern
    {
      code: "no-majority",
      means: "the write concern asks for more members than the replica set has",
      hint: "Lower w in MONGODB_URI, or the set's default (setDefaultRWConcern in mongosh), or add members to the set.",
    },
  ],
  [
    79, // UnknownReplWriteConcern
    {
      code: "bad-setting",
      means: "the replica set has no write concern of that name",
      hint: "Correct w in MONGODB_URI, or the set's default (setDefaultRWConcern): its names are in rs.conf().settings.getLastErrorModes.",
    },
  ],
  [91, goesDown], // ShutdownInProgress
  [11600, goesDown], // InterruptedAtShutdown
  [189, notPrimary], // PrimarySteppedDown
  [10107, notPrimary], // NotWritablePrimary
  [11602, notPrimary], // InterruptedDueToReplStateChange
  [13435, notPrimary], // NotPrimaryNoSecondaryOk
  [13436, notPrimary], // NotPrimaryOrSecondary
]);

export const setRefusal = (code: number): SetRefusal | undefined => REFUSALS.get(code);
