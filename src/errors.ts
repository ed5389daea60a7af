// One table of everything that can go wrong: code → exit code, labels, default hint.
// A code's exit number is part of the contract with users (docs/cli.md); never reuse one for another meaning.

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
  "stale-member": {
    exit: 1,
    labels: PERSON,
    hint: "Name all members of the replica set in MONGODB_URI (without directConnection), and see with rs.status() in mongosh why this one is behind. For a backup of what it has, set BACKUP_MAX_LAG higher, or to 0 for no limit.",
  },
  "documents-refused": {
    exit: 1,
    labels: PERSON,
    hint: "The backup holds them, and this server does not take them: look at them with mongokeep extract, or leave their collection out with --exclude.",
  },
  "backup-dir": {
    exit: 1,
    labels: PERSON,
    hint: "Make BACKUP_DIR a folder that this user owns and can write to, or name another one.",
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
    hint: "Take the files out of version control, or choose a BACKUP_DIR outside of the work tree.",
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
    hint: "The process stood still for over a minute, or the backup folder did; run it again when the other run has ended.",
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
    hint: "Run mongokeep rollback --confirm: it puts the state from before the restore back.",
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

/** Any thrown value as a KeepError; what is not one already is a fault of ours. */
export function toKeepError(error: unknown): KeepError {
  if (error instanceof KeepError) return error;
  const refused = outOfFiles(error) ?? ofFileSystem(error);
  if (refused) return refused;
  const message = error instanceof Error ? error.message : String(error);
  return new KeepError("internal", message, { cause: error });
}

/** What a system answers when a process, or all of them, may open no more files, sockets and pipes. */
const NO_MORE: readonly unknown[] = ["EMFILE", "ENFILE"];

/** The limit of open files as an error of its own, also where it is the cause of another one; else null. */
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

const FULL: readonly unknown[] = ["ENOSPC", "EDQUOT"];
/** Calls on files; those on sockets are none of the disk's business. */
const FILE_CALLS =
  /^(open|close|read|write|fsync|fdatasync|ftruncate|rename|link|unlink|mkdir|rmdir|scandir|opendir|l?stat|chmod|copyfile)$/;
const SOCKET_CODES = /^E(CONN|PIPE|TIMEDOUT|NOTCONN|HOST|NET)/;

/** What a disk refuses is no fault of ours, and a person has to look at it. */
function ofFileSystem(error: unknown): KeepError | null {
  if (!(error instanceof Error)) return null;
  const { code, syscall, message } = error as NodeJS.ErrnoException;
  if (code === undefined || !FILE_CALLS.test(syscall ?? "") || SOCKET_CODES.test(code)) return null;
  if (FULL.includes(code)) return new KeepError("disk-full", message, { cause: error });
  const hint =
    code === "EIO"
      ? "The disk fails, or the way to it: look at dmesg, and copy what is good elsewhere (mongokeep verify --all tells)."
      : undefined;
  return new KeepError("failed", `the file system refuses: ${message}`, {
    ...(hint !== undefined && { hint }),
    cause: error,
  });
}
