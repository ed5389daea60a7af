// Where the command line stands: the project's folder, the home, and the file that a schedule runs.
import { realpathSync } from "node:fs";
import { homeFolder } from "../util/process-folders.ts";
import type { Place } from "../jobs/schedule.ts";

export function currentPlace(): Place {
  return { project: process.cwd(), home: homeFolder() };
}

/** The file that Node was started with, free of links: what npm links into a bin folder may move. */
export function ownScript(): string {
  return realpathSync(process.argv[1] ?? "");
}
