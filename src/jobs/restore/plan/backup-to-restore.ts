// The backup that a restore loads: found by its name, checked, and opened; an archive of mongodump is unpacked first.
import { basename } from "node:path";
import type { OpenedBackup } from "../../../archive/opened.ts";
import { openBackup } from "../../../archive/reader.ts";
import { resolveAt, resolveBackup } from "../../../archive/resolve.ts";
import type { Verification } from "../../../archive/verification.ts";
import type { RestoreRequest } from "../../../restore/record/request.ts";
import type { JobContext } from "../../context.ts";
import { unpackArchive } from "../../inspect/unpack-archive.ts";
import { numberedCheck } from "../run/numbered-steps.ts";
import { assertWhole } from "./check-backup.ts";

export interface BackupToRestore extends AsyncDisposable {
  readonly path: string;
  readonly backup: OpenedBackup;
  /** null for an archive: it was checked while it was unpacked. */
  readonly verified: Verification | null;
  readonly verifySeconds: number;
}

/** @throws KeepError backup-not-found, damaged, disk-full */
export async function openToRestore(
  context: JobContext,
  request: RestoreRequest,
): Promise<BackupToRestore> {
  const { path, isArchive } = await find(context, request);
  const what = `the backup ${basename(path)}`;
  const emit = request.confirm ? numberedCheck(context.emit, what) : context.emit;
  const checking = { ...context, emit };
  if (!isArchive) {
    const verified = await assertWhole(checking, path);
    const backup = await openBackup(path, context.place, context.signal);
    const nothing = () => Promise.resolve();
    return {
      path,
      backup,
      verified,
      verifySeconds: verified.seconds,
      [Symbol.asyncDispose]: nothing,
    };
  }
  const order = { command: "restore", outlineOnly: !request.confirm };
  const unpacked = await unpackArchive(checking, path, order);
  return {
    ...{ path, backup: unpacked.backup, verified: null, verifySeconds: unpacked.seconds },
    [Symbol.asyncDispose]: () => unpacked[Symbol.asyncDispose](),
  };
}

async function find(context: JobContext, { backup: ref, at }: RestoreRequest) {
  const { settings, clock, place } = context;
  const { backupDir, hosts, databases } = settings;
  const wanted = { hosts, databases, exclude: [] };
  if (at !== undefined) return await resolveAt(backupDir, at, wanted, clock.now(), place);
  return await resolveBackup(backupDir, ref, wanted, clock.now(), place);
}
