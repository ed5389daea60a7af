// Which failures are findings about a file, to be told beside the others, and which end the verification.
import { KeepError } from "../errors.ts";

/** What a disk or a folder answers when a file in it cannot be read. */
const UNREADABLE = new Set(["EIO", "EACCES", "EPERM", "EISDIR", "ENOTDIR", "ENOENT", "ESTALE"]);

/** @throws the error itself where it says nothing about the file */
export function asDamage(error: unknown): {
  readonly problem: string;
  readonly details: Readonly<Record<string, unknown>>;
} {
  if (error instanceof KeepError && error.code === "damaged")
    return { problem: error.message, details: error.details };
  const { code } = error as NodeJS.ErrnoException;
  if (code !== undefined && UNREADABLE.has(code))
    return { problem: `the file cannot be read (${code})`, details: {} };
  throw error;
}
