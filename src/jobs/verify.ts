// Verifies one backup, the newest good one, or all, and remembers what was found.
import { lstat } from "node:fs/promises";
import { basename, join } from "node:path";
import { listCatalog } from "../archive/catalog.ts";
import { VERIFICATION_FILE } from "../archive/layout.ts";
import { resolveBackup } from "../archive/resolve.ts";
import { formatVerification } from "../archive/verification.ts";
import type { Verification } from "../archive/verification.ts";
import { replaceFile } from "../util/durable-file.ts";
import { verifyBackup } from "../verify/verify.ts";
import type { CheckLevel } from "../verify/verify.ts";
import { collecting } from "./collecting.ts";
import type { JobContext } from "./context.ts";
import type { VerifiedBackup, VerifyJobResult } from "./results.ts";

export interface VerifyRequest {
  /** An id, a path, "latest" or "all". */
  readonly refs: string;
  readonly level: CheckLevel;
}

interface Target {
  readonly path: string;
  /** Ours, in BACKUP_DIR: the result is written beside it. */
  readonly ours: boolean;
  /** Why nothing of it can be read: a link or a file with a backup's name. */
  readonly notAFolder?: string | null;
}

/** @throws KeepError backup-not-found; damage is in the result, with ok: false */
export async function runVerify(
  outer: JobContext,
  request: VerifyRequest,
): Promise<VerifyJobResult> {
  const warnings: string[] = [];
  const context = { ...outer, emit: collecting(outer.emit, warnings) };
  const backups: VerifiedBackup[] = [];
  for (const target of await targetsOf(context, request.refs)) {
    if (target.notAFolder != null) {
      backups.push(unreadable(target.path, request.level, target.notAFolder));
      continue;
    }
    const verification = await verifyBackup(target.path, request.level, context);
    // A quick look that finds nothing must not stand for the full one before it.
    if (target.ours && (request.level === "full" || !verification.ok))
      await remember(context, target.path, verification);
    backups.push(toResult(target.path, verification));
  }
  return { ok: backups.every((b) => b.ok), backups, warnings };
}

async function targetsOf(context: JobContext, refs: string): Promise<Target[]> {
  const { settings, clock } = context;
  if (refs === "all") {
    const entries = await listCatalog(settings.backupDir);
    const backups = entries.filter((e) => e.state !== "partial" && !e.path.endsWith(".damaged"));
    return await Promise.all(
      backups.map(async ({ path, manifest, problem }) => ({
        path,
        ours: manifest !== null,
        // One of these must not keep the others from being verified.
        notAFolder: (await lstat(path)).isDirectory() ? null : problem,
      })),
    );
  }
  const wanted = { hosts: settings.hosts, databases: settings.databases, exclude: [] };
  const found = await resolveBackup(settings.backupDir, refs, wanted, clock.now());
  return [{ path: found.path, ours: found.entry?.manifest != null }];
}

/** A backup on a read-only disk is verified all the same. */
async function remember(
  context: JobContext,
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

function unreadable(path: string, level: CheckLevel, problem: string): VerifiedBackup {
  const problems = [{ file: "", chunk: null, document: null, problem }];
  return { id: basename(path), path, ok: false, level, documents: 0, seconds: 0, problems };
}

function toResult(path: string, verification: Verification): VerifiedBackup {
  const { id, ok, level, seconds, problems } = verification;
  const documents = verification.collections.reduce((n, c) => n + c.documents, 0);
  return { id, path, ok, level, documents, seconds, problems };
}
