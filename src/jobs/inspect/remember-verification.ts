// Writes what a verification found beside the backup.
import { warn } from "../../events.ts";
import { dirname, join } from "node:path";
import { VERIFICATION_FILE } from "../../archive/layout.ts";
import { formatVerification } from "../../archive/verification.ts";
import type { Verification } from "../../archive/verification.ts";
import { requireOwnFolder } from "../../storage/backup-dir.ts";
import type { JobContext } from "../context.ts";

/**
 * A backup on a read-only disk is verified all the same; so is another user's, who could not read what was
 * written beside it, and one behind a link.
 */
export async function rememberVerification(
  context: Pick<JobContext, "emit" | "place">,
  path: string,
  verification: Verification,
): Promise<void> {
  try {
    for (const folder of [dirname(path), path]) await requireOwnFolder(folder);
    await context.place.storage.replace(
      join(path, VERIFICATION_FILE),
      formatVerification(verification),
    );
  } catch (error) {
    warn(
      context.emit,
      "verification-not-written",
      `what was found could not be written beside the backup: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
