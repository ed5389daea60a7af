// The stock tools mongodump and mongorestore: whether they are installed, and their arguments. Arguments contain
// everything except the URI, which holds a password and goes through a file (--config).
import { execute } from "../util/exec.ts";
import { Secret } from "../util/secret.ts";

export type MongoTool = "mongodump" | "mongorestore";

/** The command that installs a missing tool. */
export const INSTALL_TOOLS = "sudo apt-get install mongodb-database-tools";

export type FoundTool =
  | { readonly version: string }
  /** Why it cannot be used: `is not installed`, or its output. */
  | { readonly missing: string };

const VERSION_MS = 30_000;

/** Finds a tool on PATH and runs it once (--version): a program without its libraries does not count. */
export async function findMongoTool(tool: MongoTool, signal: AbortSignal): Promise<FoundTool> {
  const { ok, end, stdout } = await execute([tool, "--version"], { timeoutMs: VERSION_MS, signal });
  if (end.kind === "not-started" && end.reason === "ENOENT") return { missing: "is not installed" };
  const version = /version: (\S+)/.exec(stdout)?.[1];
  return ok && version !== undefined ? { version } : { missing: "cannot be run" };
}

/** The text of a file for `--config`. JSON strings are valid in YAML. */
export function toolConfig(uri: Secret): string {
  return `uri: ${JSON.stringify(uri.reveal())}\n`;
}

/** Whether the URI says which members of a replica set are read: then --readPreference would contradict it. */
export function namesReadPreference(uri: Secret): boolean {
  return /[?&]readPreference=/i.test(uri.reveal());
}

export interface DumpCall {
  /** Path of the file with the URI. */
  readonly config: string;
  readonly out: string;
  /** null: the whole deployment. */
  readonly database: string | null;
  /** Names of collections; needs a database. */
  readonly exclude: readonly string[];
  readonly accounts: boolean;
  readonly oplog: boolean;
  readonly gzip: boolean;
  readonly readPreference: string | null;
}

/** Every option uses `=`, so that a name that begins with a dash is not an option. */
export function dumpArgs(call: DumpCall): string[] {
  return [
    `--config=${call.config}`,
    `--out=${call.out}`,
    ...(call.database === null ? [] : [`--db=${call.database}`]),
    ...call.exclude.map((name) => `--excludeCollection=${name}`),
    ...(call.accounts ? ["--dumpDbUsersAndRoles"] : []),
    ...(call.oplog ? ["--oplog"] : []),
    ...(call.gzip ? ["--gzip"] : []),
    ...(call.readPreference === null ? [] : [`--readPreference=${call.readPreference}`]),
  ];
}

export interface RestoreCall {
  readonly config: string;
  readonly database: string;
  readonly collection: string;
  readonly bypassValidation: boolean;
}

/** Documents of one existing collection from stdin, without options and indexes. */
export function restoreArgs(call: RestoreCall): string[] {
  return [
    `--config=${call.config}`,
    `--db=${call.database}`,
    `--collection=${call.collection}`,
    ...(call.bypassValidation ? ["--bypassDocumentValidation"] : []),
    "--stopOnError",
    "--maintainInsertionOrder",
    "--noIndexRestore",
    "--noOptionsRestore",
    // Durability is requested once at the end (settleWrites), not for each message.
    "--writeConcern={w: 1}",
    "-",
  ];
}
