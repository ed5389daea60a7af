// Who owns a namespace by its name: the server's rule, for dump, oplog, restore and diff alike. Pure. What must stay
// true: a name that is not known to be the server's is never left out silently. Source:
// src/mongo/db/namespace_string_reserved.def.h of the server, and shouldSkipSystemNamespace of mongodump.

/**
 * `data` is backed up and restored. `accounts` are restored by merging. `server` is state of the one server from which
 * it was read: restored elsewhere or later it would be wrong. `stray` is in a place that only the server should write
 * to, and is not known to be the server's: it is in no backup, and named.
 */
export type Owner = "data" | "accounts" | "server" | "stray";

const BUCKETS = "system.buckets.";

/** What `config` says about the cluster, as in mongodump and PBM. */
const SETTINGS: readonly string[] = [
  "chunks",
  "collections",
  "databases",
  "settings",
  "shards",
  "tags",
  "version",
];

/** Sessions, transactions, migrations and logs: what servers up to 8.2 write to `config` themselves. */
const OF_CONFIG = new Set([
  ...["transactions", "image_collection", "transaction_coordinators", "vectorClock"],
  ...["external_validation_keys", "clusterParameters", "agg_temp_collections", "dropPendingDBs"],
  ...["migrations", "migrationCoordinators", "migrationRecipients", "movePrimaryRecipients"],
  ...["rangeDeletions", "rangeDeletionsForRename", "reshardingOperations"],
  ...["localRenameParticipants", "sharding_configsvr_coordinators", "change_stream_coordinator"],
  ...["collection_critical_sections", "user_writes_critical_sections"],
  ...["compact_structured_encryption_coordinator", "tenantSplitDonors", "shardMergeRecipients"],
  ...["tenantMigrationDonors", "tenantMigrationRecipients", "shardSplitDonors"],
  ...["csrs.indexes", "shard.indexes", "shard.collections", "placementHistory", "shardRemovalLog"],
  ...["analyzeShardKeySplitPoints", "queryAnalyzers", "sampledQueries", "sampledQueriesDiff"],
  ...["queryShapeRepresentativeQueries", "changelog", "actionlog", "mongos", "locks", "lockpings"],
]);
const OF_CONFIG_BELOW =
  /^(system|cache|shard\.catalog|repl\.migration|local(Resharding|MigrationBlocking|GlobalIndex)[A-Za-z]+)\./;

/** Local to each member: the oplog, its start log and replication state. */
const OF_LOCAL = new Set([
  ...["oplog.rs", "oplog.$main", "startup_log", "me", "slaves", "sources"],
  ...["clustermanager", "temp_oplog_buffer"],
]);
const OF_LOCAL_BELOW = /^(system|replset|pair)\./;

/** Stored functions, and the users of MongoDB 2.4, which are plain data to every later server. */
const OF_USERS: readonly string[] = ["system.js", "system.users"];
const ACCOUNTS: readonly string[] = ["system.users", "system.roles", "system.version"];

/** Databases of the server only: a backup of one of them could not be restored. */
export const isServersDatabase = (database: string): boolean =>
  database === "local" || database === "config" || isInternalDatabase(database);

/** Databases of Atlas, its search and mongosync, by a reserved prefix. */
export const isInternalDatabase = (database: string): boolean =>
  database.startsWith("__mdb_internal");

/** The data of a time series belongs to the name of the time series. */
export function ownerOf(database: string, collection: string): Owner {
  const isBuckets = collection.startsWith(BUCKETS);
  const name = isBuckets ? collection.slice(BUCKETS.length) : collection;
  if (database === "local") return isOf(OF_LOCAL, OF_LOCAL_BELOW, name);
  if (database === "config") {
    if (SETTINGS.includes(name)) return "data";
    return isOf(OF_CONFIG, OF_CONFIG_BELOW, name);
  }
  if (isInternalDatabase(database)) return "server";
  if (database === "admin" && !isBuckets && ACCOUNTS.includes(name)) return "accounts";
  const isUsers = isBuckets || OF_USERS.includes(name) || !name.startsWith("system.");
  return isUsers ? "data" : "server";
}

const isOf = (names: ReadonlySet<string>, below: RegExp, name: string): Owner =>
  names.has(name) || below.test(name) ? "server" : "stray";
