// The folder for temporary files: drills restore there, and mongodump's login is handed over in it.
import { toKeepError } from "../../errors.ts";
import { requireTempFolder } from "../../util/process-folders.ts";
import type { Examine } from "./check.ts";
import { fail, ok, warn } from "./check.ts";

const NAME = "temporary folder";

export const tempFolder: Examine = async ({ job }) => {
  try {
    return [ok(NAME, `${await requireTempFolder()} can be written to`)];
  } catch (error) {
    const { message, hint } = toKeepError(error);
    // The other engines make a backup without it.
    const say = job.settings.engine === "mongodump" ? fail : warn;
    return [say(NAME, message, hint)];
  }
};
