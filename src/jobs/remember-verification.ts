// Writes what a verification found beside the backup.
import { join } from "node:path";
import { VERIFICATION_FILE } from "../archive/layout.ts";
import { formatVerification } from "../archive/verification.ts";
import type { Verification } from "../archive/verification.ts";
import { replaceFile } from "../util/durable-file.ts";
import type { JobContext } from "./context.ts";

/** A backup on a read-only disk is verified all the same. */
export async function rememberVerification(
  context: Pick<JobContext, "emit">,
  path: string,
  verification: Verification,
): Promise<void> {
  try {
    await replaceFile(join(path, VERIFICATION_FILE), formatVerification(verification));
  } catch (error) {
    context.emit({
      kind: "log",
      level: "warn",
      code: "verification-not-written",
      message: `what was found could not be written beside the backup: ${error instanceof Error ? error.message : String(error)}`,
    });
  }
}
