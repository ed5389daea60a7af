// The fields of collection and index definitions, from the source code of servers 2.4 to 8.3 (results of
// listCollections and listIndexes, and arguments of create, createIndexes and collMod). Pure. What must stay true: no
// field of a definition ever becomes an argument of a command.

/**
 * - `sent`: part of the definition.
 * - `left-out`: has no meaning for a new collection: written by old servers, drivers and tools, internal to the server,
 * or an argument of the command that once created it.
 * - `unknown`: no server up to 8.3 has it. A newer one may.
 */
export type FieldUse = "sent" | "left-out" | "unknown";

/** The newest release series whose fields are all known. */
export const NEWEST_KNOWN = [8, 3] as const;

const words = (text: string): ReadonlySet<string> => new Set(text.trim().split(/\s+/));

/**
 * Since 4.4 or earlier; later ones: timeseries and expireAfterSeconds 5.0, clusteredIndex 5.3,
 * changeStreamPreAndPostImages and encryptedFields 6.0, prepareConstraintValidationLevel 8.3. recordPreImages existed
 * from 4.4 to 6.0 (see create.ts).
 */
const COLLECTION = words(`
  capped size max storageEngine indexOptionDefaults validator validationLevel validationAction collation viewOn
  pipeline idIndex recordPreImages timeseries expireAfterSeconds clusteredIndex changeStreamPreAndPostImages
  encryptedFields prepareConstraintValidationLevel`);

/** `create`: servers up to 2.4 stored the whole command as the options. */
const NO_OPTIONS = words(`
  create uuid autoIndexId flags nExtents ns temp recordIdsReplicated usePowerOf2Sizes noPadding paddingFactor
  paddingBytes preservePadding`);

/** Later ones: hidden 4.4, prepareUnique 6.0, columnstore… 7.0 (never released). bucketSize was for geoHaystack. */
const INDEX = words(`
  v key name unique sparse hidden partialFilterExpression expireAfterSeconds storageEngine collation weights
  default_language language_override textIndexVersion 2dsphereIndexVersion bits min max coarsestIndexedLevel
  finestIndexedLevel bucketSize wildcardProjection columnstoreProjection columnstoreCompressor clustered
  prepareUnique`);

/** Options of driver calls were stored with the index until 3.4; the last ones are internal to the server. */
const NO_INDEX_FIELDS = words(`
  ns _id background dropDups safe w j wtimeout fsync createIndexes buildUUID originalSpec spec indexBuildInfo`);

const COLL_MOD = words(`
  index validator validationLevel validationAction viewOn pipeline recordPreImages changeStreamPreAndPostImages
  expireAfterSeconds timeseries cappedSize cappedMax prepareConstraintValidationLevel`);

const NO_CHANGES = words(`
  collMod recordIdsReplicated usePowerOf2Sizes noPadding isTimeseriesNamespace
  timeseriesBucketsMayHaveMixedSchemaData timeseriesBucketingParametersHaveChanged
  removeLegacyTimeseriesBucketingParametersHaveChanged`);

/** Arguments that any command accepts (src/mongo/idl/generic_argument.idl); all others begin with `$`. */
const OF_ANY_COMMAND = words(`
  apiVersion apiStrict apiDeprecationErrors maxTimeMS maxTimeMSOpOnly readConcern writeConcern lsid
  clientOperationKey txnNumber txnRetryCounter autocommit startTransaction stmtId comment
  allowImplicitCollectionCreation databaseVersion shardVersion tracking_info coordinator mayBypassWriteBlocking
  expectPrefix versionContext rawData traceCtx requestGossipRoutingCache ignoreUnknownIndexOptions commitQuorum`);

const use = (known: ReadonlySet<string>, left: ReadonlySet<string>, name: string): FieldUse => {
  if (known.has(name)) return "sent";
  return left.has(name) || OF_ANY_COMMAND.has(name) || name.startsWith("$")
    ? "left-out"
    : "unknown";
};

export const useOfOption = (name: string) => use(COLLECTION, NO_OPTIONS, name);
export const useOfIndexField = (name: string) => use(INDEX, NO_INDEX_FIELDS, name);
export const useOfChange = (name: string) => use(COLL_MOD, NO_CHANGES, name);

/** The `_id` index accepts no others. */
export const ID_INDEX: ReadonlySet<string> = words("key name v collation");

/** Every server writes these, or did: leaving them out needs no warning. */
const EVERYDAY = words("uuid ns v recordIdsReplicated");
export const isWorthTelling = (name: string) => !EVERYDAY.has(name);
