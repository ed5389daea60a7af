// What `verify` found: for damage the file, chunk and document of the first problem in each file.
import type { Problem } from "../../archive/verification.ts";
import type { VerifiedBackup, VerifyJobResult } from "../../jobs/results.ts";
import { formatCount } from "../../util/units.ts";
import { escapeText } from "../escape.ts";
import type { View } from "../style.ts";
import { formatSeconds } from "../times.ts";

export function formatVerify({ backups }: VerifyJobResult, view: View): string {
  if (backups.length === 0) return "there is no backup to verify";
  return backups.map((backup) => formatOne(backup, view)).join("\n");
}

function formatOne(backup: VerifiedBackup, { style }: View): string {
  const { id, ok, level, documents, seconds, problems } = backup;
  const took = formatSeconds(seconds);
  const count = level !== "quick" ? `${formatCount(documents)} documents, ` : "";
  if (ok) return `${style.good("good   ")} ${escapeText(id)}  ${level}, ${count}${took}`;
  const lines = problems.map((problem) => `  ${formatProblem(problem)}`);
  return [`${style.bad("DAMAGED")} ${escapeText(id)}  ${level}, ${took}`, ...lines].join("\n");
}

/** "surg/patients.bson.gz, chunk 3, document 1,204: checksum differs" */
export function formatProblem({ file, chunk, document, problem }: Problem): string {
  const place = [
    escapeText(file),
    chunk === null ? null : `chunk ${chunk}`,
    document === null ? null : `document ${document}`,
  ];
  return `${place.filter((part) => part !== null).join(", ")}: ${escapeText(problem)}`;
}
