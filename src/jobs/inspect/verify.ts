// Verifies one backup, the newest good one, or all, and remembers what was found.
import { basename } from "node:path";
import { listCatalog } from "../../archive/catalog.ts";
import { resolveBackup } from "../../archive/resolve.ts";
import type { Verification } from "../../archive/verification.ts";
import { verifyBackup } from "../../verify/verify.ts";
import type { CheckLevel } from "../../verify/verify.ts";
import { collectWarnings } from "../collect-warnings.ts";
import type { JobContext } from "../context.ts";
import { drillOne } from "../drill/drill.ts";
import { rememberVerification } from "./remember-verification.ts";
import type { VerifiedBackup, VerifyJobResult } from "../results.ts";

export interface VerifyRequest {
  /** An id, a path, "latest" or "all". */
  readonly refs: string;
  readonly level: CheckLevel | "drill";
}

/** In the form of a verification: what differs, and the checks that fail, are its problems. */
async function drilled(context: JobContext, target: Target): Promise<VerifiedBackup> {
  const { path, ours, isArchive = false } = target;
  const drill = await drillOne(context, { path, ours, isArchive });
  const failed = drill.checks
    .filter((one) => !one.ok)
    .map(({ name, check, found }) => `check ${JSON.stringify(name)} failed: ${check} (${found})`);
  return {
    ...{ id: basename(path), path, ok: drill.ok, level: "drill", seconds: drill.seconds },
    documents: drill.collections.reduce((n, { documents }) => n + (documents.restored ?? 0), 0),
    problems: [...drill.problems, ...failed.map((problem) => ({ ...WHOLE, problem }))],
  };
}

const WHOLE = { file: "", chunk: null, document: null } as const;

interface Target {
  readonly path: string;
  /** Ours, in BACKUP_DIR: the result is written beside it. */
  readonly ours: boolean;
  /** Why nothing of it can be read: a link or a file with a backup's name. */
  readonly notAFolder?: string | null;
  readonly isArchive?: boolean;
}

/** @throws KeepError backup-not-found; damage is in the result, with ok: false */
export async function runVerify(
  outer: JobContext,
  request: VerifyRequest,
): Promise<VerifyJobResult> {
  const warnings: string[] = [];
  const context = { ...outer, emit: collectWarnings(outer.emit, warnings) };
  const backups: VerifiedBackup[] = [];
  for (const target of await targetsOf(context, request.refs)) {
    if (target.notAFolder != null) {
      backups.push(unreadable(target.path, request.level, target.notAFolder));
      continue;
    }
    if (request.level === "drill") {
      backups.push(await drilled(context, target));
      continue;
    }
    const verification = await verifyBackup(target.path, request.level, context);
    // A quick look that finds nothing must not stand for the full one before it.
    if (target.ours && (request.level === "full" || !verification.ok))
      await rememberVerification(context, target.path, verification);
    backups.push(toResult(target.path, verification));
  }
  return { ok: backups.every((b) => b.ok), backups, warnings };
}

async function targetsOf(context: JobContext, refs: string): Promise<Target[]> {
  const { settings, clock, place } = context;
  if (refs === "all") {
    const entries = await listCatalog(settings.backupDir, place);
    const backups = entries.filter((e) => e.state !== "partial" && !e.path.endsWith(".damaged"));
    return await Promise.all(
      backups.map(async ({ path, manifest, problem }) => ({
        path,
        ours: manifest !== null,
        // One of these must not keep the others from being verified.
        notAFolder: (await place.storage.stat(path))?.kind === "folder" ? null : problem,
      })),
    );
  }
  const wanted = { hosts: settings.hosts, databases: settings.databases, exclude: [] };
  const found = await resolveBackup(settings.backupDir, refs, wanted, clock.now(), place);
  const { path, isArchive } = found;
  return [{ path, isArchive, ours: found.entry?.manifest != null }];
}

function unreadable(path: string, level: VerifyRequest["level"], problem: string): VerifiedBackup {
  const problems = [{ ...WHOLE, problem }];
  return { id: basename(path), path, ok: false, level, documents: 0, seconds: 0, problems };
}

function toResult(path: string, verification: Verification): VerifiedBackup {
  const { id, ok, level, seconds, problems } = verification;
  const documents = verification.collections.reduce((n, c) => n + c.documents, 0);
  return { id, path, ok, level, documents, seconds, problems };
}
