// The check of a backup before it is restored: nothing damaged is loaded.
import { basename } from "node:path";
import { DAMAGED_SUFFIX } from "../../../archive/layout.ts";
import type { Verification } from "../../../archive/verification.ts";
import { KeepError } from "../../../errors.ts";
import { verifyBackup } from "../../../verify/verify.ts";
import type { JobContext } from "../../context.ts";

/** @throws KeepError damaged naming the first problem; gives what was found */
export async function assertWhole(context: JobContext, path: string): Promise<Verification> {
  context.emit({ kind: "step", step: "verify", state: "begin" });
  const verified = await verifyBackup(path, "quick", context);
  const { ok, problems } = verified;
  context.emit({ kind: "step", step: "verify", state: "end" });
  const [first] = problems;
  if (ok || !first) return verified;
  const isSetAside = path.endsWith(DAMAGED_SUFFIX);
  const name = basename(path);
  const hint = `${name} failed its verification when it was made, and is kept to be looked at: mongokeep verify ${name} says what is damaged, mongokeep list which backups are good.`;
  throw new KeepError(
    "damaged",
    `${path} is damaged: ${first.file === "" ? "" : `${JSON.stringify(first.file)}: `}${first.problem}${problems.length > 1 ? ` (and ${problems.length - 1} more)` : ""}`,
    { ...(isSetAside && { hint }), details: { file: first.file, problems: problems.length } },
  );
}
