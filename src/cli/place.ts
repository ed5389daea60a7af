// The places of a command line: the project's folder, the home folder, and the file that a schedule runs.
import { realpathSync } from "node:fs";
import { homeFolder } from "../util/process-folders.ts";
import type { Place } from "../jobs/schedule.ts";

export function currentPlace(): Place {
  return { project: process.cwd(), home: homeFolder() };
}

/** The file that Node was started with, without links: npm may move its links in a bin folder. */
export function ownScript(): string {
  return realpathSync(process.argv[1] ?? "");
}
