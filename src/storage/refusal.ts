// The reasons for a refusal that callers of a storage act on, whichever storage it is.

/**
 * `missing`: nothing has that name. `not-a-folder`: a file is in the place of a folder. `taken`: something has that
 * name already. `full`: no space is left.
 */
export type Refusal = "missing" | "not-a-folder" | "taken" | "full";

const REFUSALS: Readonly<Record<string, Refusal>> = {
  ENOENT: "missing",
  ENOTDIR: "not-a-folder",
  EEXIST: "taken",
  ENOTEMPTY: "taken",
  ENOSPC: "full",
  EDQUOT: "full",
};

/** Also where the reason is the cause of another error; null for any other error. */
export function refusalOf(error: unknown): Refusal | null {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    const refusal = REFUSALS[(at as NodeJS.ErrnoException).code ?? ""];
    if (refusal !== undefined) return refusal;
  }
  return null;
}
