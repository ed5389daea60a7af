// Paths as people write them in settings → absolute ones.
import { isAbsolute, join, resolve } from "node:path";
import { KeepError } from "../errors.ts";

/** `~` is `home`; a relative path starts at `base`. */
export function resolvePath(written: string, name: string, base: string, home: string): string {
  if (written === "~" || written.startsWith("~/")) {
    if (!isAbsolute(home)) {
      throw new KeepError("bad-setting", `${name} begins with ~, but there is no home folder`, {
        hint: `Set HOME, or write the whole path: ${name}=/…`,
        details: { setting: name },
      });
    }
    return resolve(join(home, written.slice(1)));
  }
  return resolve(base, written);
}

/** Folders that are more than a place for backups: mongokeep makes its folder private and hides it from git. */
export function refuseSharedFolder(folder: string, home: string): void {
  if (folder !== "/" && (home === "" || folder !== resolve(home))) return;
  throw new KeepError("bad-setting", `BACKUP_DIR (${folder}) is not a folder for backups alone`, {
    hint: "A right value looks like this: ~/.tmp/backups.",
    details: { setting: "BACKUP_DIR" },
  });
}
