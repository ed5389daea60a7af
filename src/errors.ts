// One table of everything that can go wrong: code → exit code, labels, default hint.
// A code's exit number is part of the contract with users (docs/cli.md); never reuse one for another meaning.
import { basename, dirname } from "node:path";

/** What a failure means for the person or program that gets it. */
export type Label = "retryable" | "needs-person" | "live-data-untouched" | "rolled-back";

interface ErrorKind {
  readonly exit: number;
  readonly labels: readonly Label[];
  readonly hint: string;
}

const LATER: readonly Label[] = ["retryable"];
const PERSON: readonly Label[] = ["needs-person"];

export const ERRORS = {
  failed: { exit: 1, labels: PERSON, hint: "Run it again with --verbose for the details." },
  internal: {
    exit: 1,
    labels: PERSON,
    hint: "This is a fault in mongokeep: please report it with the output of --verbose.",
  },
  "database-empty": {
    exit: 1,
    labels: PERSON,
    hint: "Check MONGODB_DATABASE: an empty result is never kept as a backup.",
  },
  "rights-missing": {
    exit: 1,
    labels: PERSON,
    hint: "Grant the user the role that is named, then run it again.",
  },
  "namespaces-changed": {
    exit: 1,
    labels: LATER,
    hint: "Collections were created, dropped or renamed while the dump ran, twice. Run it again when no migration runs.",
  },
  "server-error": { exit: 1, labels: LATER, hint: "See the server's log, then run it again." },
  "server-waits": {
    exit: 1,
    labels: LATER,
    hint: "See in mongosh, with db.currentOp(), what the server waits for. Once that has ended, run it again.",
  },
  "no-majority": {
    exit: 1,
    labels: PERSON,
    hint: "Start the members of the replica set that are down (rs.status() in mongosh names them), then run it again.",
  },
  "not-primary": {
    exit: 1,
    labels: LATER,
    hint: "Name all members of the replica set in MONGODB_URI, then run it again.",
  },
  "stale-member": {
    exit: 1,
    labels: PERSON,
    hint: "Name all members of the replica set in MONGODB_URI (without directConnection), and check with rs.status() in mongosh why this one is behind. To back up what it has, raise BACKUP_MAX_LAG, or set it to 0 for no limit.",
  },
  "documents-refused": {
    exit: 1,
    labels: PERSON,
    hint: "The backup contains them, but this server does not accept them: look at them with mongokeep extract, or leave their collection out with --exclude.",
  },
  "backup-dir": {
    exit: 1,
    labels: PERSON,
    hint: "Make BACKUP_DIR a folder that this user owns and can write to, or choose another one.",
  },
  "temp-folder": {
    exit: 1,
    labels: PERSON,
    hint: "Set TMPDIR to an existing folder with free space that this user may write to.",
  },
  "mongod-missing": {
    exit: 1,
    labels: PERSON,
    hint: "Install MongoDB, or set MONGOD_BINARY to the path of a mongod.",
  },
  usage: { exit: 2, labels: PERSON, hint: "See mongokeep --help." },
  "bad-setting": { exit: 2, labels: PERSON, hint: "See docs/settings.md for every setting." },
  "not-in-this-version": {
    exit: 2,
    labels: PERSON,
    hint: "Leave the option out: this version of mongokeep does not have it yet.",
  },
  "backup-not-found": { exit: 2, labels: PERSON, hint: "mongokeep list shows the backups." },
  "unfit-server": {
    exit: 2,
    labels: PERSON,
    hint: "Restore to a server of the backup's version or newer.",
  },
  "backup-in-git": {
    exit: 2,
    labels: PERSON,
    hint: "Remove the files from version control, or choose a BACKUP_DIR outside of the work tree.",
  },
  damaged: {
    exit: 3,
    labels: ["needs-person", "live-data-untouched"],
    hint: "Restore an older backup: mongokeep list shows which are good.",
  },
  locked: { exit: 4, labels: LATER, hint: "Wait for the other run to end, then run it again." },
  "lock-lost": {
    exit: 4,
    labels: LATER,
    hint: "The process or the backup folder did not respond for over a minute. Run it again when the other run has ended.",
  },
  "disk-full": {
    exit: 5,
    labels: PERSON,
    hint: "Free disk space, or lower DISK_ABORT_FREE, then run it again.",
  },
  "too-many-files": {
    exit: 1,
    labels: PERSON,
    hint: "Raise the limit of open files (ulimit -n 1024 in the shell, LimitNOFILE=1024 in a systemd unit), then run it again.",
  },
  unreachable: {
    exit: 6,
    labels: LATER,
    hint: "Check that MongoDB runs and that MONGODB_URI names its host and port.",
  },
  "login-failed": {
    exit: 6,
    labels: PERSON,
    hint: "Check the user, the password and authSource in MONGODB_URI.",
  },
  "restore-undone": {
    exit: 7,
    labels: ["needs-person", "rolled-back"],
    hint: "The state from before the restore is back. The restoration log has the cause.",
  },
  "restore-broken": {
    exit: 8,
    labels: PERSON,
    hint: "Run mongokeep rollback --confirm to return to the state before the restore.",
  },
  hangup: { exit: 129, labels: LATER, hint: "Run it again." },
  interrupted: { exit: 130, labels: LATER, hint: "Run it again." },
  terminated: { exit: 143, labels: LATER, hint: "Run it again." },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;

/** Plain facts for JSON, already free of secrets and document contents. */
export type ErrorDetails = Readonly<
  Record<string, string | number | boolean | null | readonly string[]>
>;

export interface KeepErrorOptions {
  readonly hint?: string;
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
}

/**
 * The only error that mongokeep throws on purpose.
 * The message is lower case without a period and names the thing (namespace, file, setting);
 * the hint is a sentence that says what to do.
 */
export class KeepError extends Error {
  override readonly name = "KeepError";
  readonly code: ErrorCode;
  readonly hint: string;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: KeepErrorOptions = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.hint = options.hint ?? ERRORS[code].hint;
    this.details = options.details ?? {};
  }

  get exitCode(): number {
    return ERRORS[this.code].exit;
  }

  get labels(): readonly Label[] {
    return ERRORS[this.code].labels;
  }
}

/** Translates errors that another layer knows; undefined: it is none of those. */
type Translator = (error: unknown) => KeepError | undefined;
const translators: Translator[] = [];

/** For a layer whose errors have no system code: registers its translation. */
export function translateBy(translator: Translator): void {
  translators.push(translator);
}

/** Any thrown value as a KeepError. An error without an external cause is a fault in mongokeep. */
export function toKeepError(error: unknown): KeepError {
  if (error instanceof KeepError) return error;
  for (const translate of translators) {
    const known = translate(error);
    if (known) return known;
  }
  const known = outOfFiles(error) ?? ofSystem(error);
  if (known) return known;
  const message = error instanceof Error ? error.message : String(error);
  return new KeepError("internal", message, { cause: error });
}

/** System errors when a process, or the system, may open no more files, sockets and pipes. */
const NO_MORE: readonly unknown[] = ["EMFILE", "ENFILE"];

/** The limit of open files as an error of its own, also if it caused another one; otherwise null. */
export function outOfFiles(error: unknown): KeepError | null {
  if (error instanceof KeepError && error.code === "too-many-files") return error;
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    const { code, syscall = "" } = at as NodeJS.ErrnoException;
    if (!NO_MORE.includes(code)) continue;
    const whose = code === "EMFILE" ? "this process" : "this machine";
    const message = `${whose} may open no more files (${code}${syscall === "" ? "" : `, ${syscall}`})`;
    return new KeepError("too-many-files", message, { cause: error });
  }
  return null;
}

/** Hints for failed calls on files and folders, where the message is not enough. */
const FILE_HINTS: Readonly<Record<string, string>> = {
  EACCES: "Give this user the right to it, or run mongokeep as the user that has it.",
  EPERM: "Give this user the right to it, or run mongokeep as the user that has it.",
  EROFS: "Mount that file system for writing. After a disk error it may have become read-only: check dmesg.",
  EIO: "The disk or its connection is faulty: check dmesg, and copy the good backups elsewhere (mongokeep verify --all finds them).",
  EFBIG: "Raise the limit on file sizes (ulimit -f), or use a file system that allows larger files.",
}; // prettier-ignore
const SHARE_HINT =
  "If that folder is a network share, its server does not answer or has changed: mount it again, then run it again.";
/** Errors of network file systems and FUSE whose server is gone. */
const SHARE_CODES = /^E(STALE|TIMEDOUT|HOSTDOWN|HOSTUNREACH|NOTCONN|CONN\w+|REMOTEIO|NODEV|NXIO)$/;
const SOCKET_CODES =
  /^E(CONN\w+|PIPE|TIMEDOUT|NOTCONN|HOST\w+|NET\w+|ADDRNOTAVAIL|AI_\w+)$|^ENOTFOUND$/;

/** Resources that the process or machine has run out of, whichever call failed. */
const RESOURCE_HINTS: Readonly<Record<string, string>> = {
  ENOMEM: "Free memory, or give the machine or the container more of it.",
  ENOBUFS: "Free memory, or give the machine or the container more of it.",
  EAGAIN: "Raise the limit on processes (ulimit -u, TasksMax= in a systemd unit, pids of a container), or end some.",
}; // prettier-ignore

/** An error of the operating system is not a fault in mongokeep; a person has to look at it. */
function ofSystem(error: unknown): KeepError | null {
  if (!(error instanceof Error)) return null;
  const { code = "", syscall = "", message } = error as NodeJS.ErrnoException;
  if (message === "Array buffer allocation failed") return failed(message, RESOURCE_HINTS.ENOMEM, error); // prettier-ignore
  if (syscall === "" || !/^E(?!RR_)/.test(code)) return null;
  if (syscall === "uv_cwd") return withoutFolder(error);
  if (syscall === "uv_os_homedir" || syscall === "uv_os_get_passwd") return withoutHome(error);
  const hint = RESOURCE_HINTS[code];
  if (hint !== undefined) return failed(`the system refuses: ${message}`, hint, error);
  if (syscall.startsWith("spawn")) return failed(`a program cannot be run: ${message}`, undefined, error); // prettier-ignore
  // The form of Node's file errors; socket errors begin with the call.
  if (message.startsWith(`${code}: `)) return ofFiles(error, code, syscall);
  if (!SOCKET_CODES.test(code)) return null;
  return new KeepError("unreachable", `the connection failed: ${message}`, { cause: error });
}

function ofFiles(error: NodeJS.ErrnoException, code: string, syscall: string): KeepError | null {
  const { message, path = "" } = error;
  // A wrong descriptor or buffer: only a fault in mongokeep causes that.
  if (code === "EBADF" || code === "EFAULT") return null;
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  if (syscall === "mkdtemp" && basename(path).startsWith(TEMP_PREFIX))
    return ofTempFolder(error, dirname(path), isFull);
  if (isFull) return new KeepError("disk-full", message, { cause: error });
  const hint = FILE_HINTS[code] ?? (SHARE_CODES.test(code) ? SHARE_HINT : undefined);
  return failed(`the file system refuses: ${message}`, hint, error);
}

/** The prefix used in util/process-folders.ts. */
const TEMP_PREFIX = "mongokeep-";
const TEMP_WHY: Readonly<Record<string, string>> = {
  ENOENT: "it does not exist",
  ENOTDIR: "it is not a folder",
  EACCES: "this user may not write to it",
  EPERM: "this user may not write to it",
  EROFS: "its file system is read-only",
  ENOSPC: "no space is left",
  EDQUOT: "no space is left for this user",
};

function ofTempFolder(cause: NodeJS.ErrnoException, folder: string, isFull: boolean): KeepError {
  const why = TEMP_WHY[cause.code ?? ""] ?? cause.message;
  const message = `cannot use the temporary folder ${folder}: ${why}`;
  const { hint } = ERRORS["temp-folder"];
  return new KeepError(isFull ? "disk-full" : "temp-folder", message, { hint, cause });
}

function withoutFolder(cause: Error): KeepError {
  const message = "the folder that mongokeep was started in does not exist any more";
  const hint = "Change to a folder that exists (cd), and run it again.";
  return new KeepError("bad-setting", message, { hint, cause });
}

function withoutHome(cause: Error): KeepError {
  const message = "this user has no home folder: HOME is not set, and the system does not know the user"; // prettier-ignore
  const hint = "Set HOME to a folder, or use absolute paths in the settings.";
  return new KeepError("bad-setting", message, { hint, cause });
}

function failed(message: string, hint: string | undefined, cause: unknown): KeepError {
  return new KeepError("failed", message, { ...(hint !== undefined && { hint }), cause });
}
