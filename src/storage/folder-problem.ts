// What the system says of a folder that cannot be used, in words.
import { KeepError, outOfFiles } from "../errors.ts";

const WHY: Readonly<Record<string, string>> = {
  EACCES: "this user has no right to it",
  EPERM: "this user has no right to it",
  EROFS: "its file system is read-only",
  ENOTDIR: "a file lies in its way",
  ELOOP: "its symbolic links run in a circle",
  ENAMETOOLONG: "its name is too long",
};

/** A KeepError stays what it is. */
export function folderProblem(path: string, error: unknown): KeepError {
  const limit = outOfFiles(error);
  if (limit) return limit;
  if (error instanceof KeepError) return error;
  const { code = "unknown" } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new KeepError("disk-full", `no space left for backup folder ${path}`, { cause: error });
  }
  return new KeepError("backup-dir", `cannot use backup folder ${path}: ${WHY[code] ?? code}`, {
    cause: error,
  });
}
