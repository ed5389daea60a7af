// Turns paths in settings into absolute ones.
import { isAbsolute, join, resolve } from "node:path";
import { KeepError } from "../errors.ts";

/** `~` is `home`; a relative path starts at `base`. */
export function resolvePath(written: string, name: string, base: string, home: string): string {
  if (written === "~" || written.startsWith("~/")) {
    if (!isAbsolute(home)) {
      throw new KeepError(
        "bad-setting",
        `${name} begins with ~, but this user has no home folder`,
        {
          hint: `Set HOME, or write the full path: ${name}=/…`,
          details: { setting: name },
        },
      );
    }
    return resolve(join(home, written.slice(1)));
  }
  return resolve(base, written);
}

/** Folders with other purposes: mongokeep would make them private and hide them from git. */
export function refuseSharedFolder(folder: string, home: string): void {
  if (folder !== "/" && (home === "" || folder !== resolve(home))) return;
  throw new KeepError("bad-setting", `BACKUP_DIR (${folder}) is not a folder only for backups`, {
    hint: "A right value looks like this: ~/.tmp/backups.",
    details: { setting: "BACKUP_DIR" },
  });
}
