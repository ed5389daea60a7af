// A service that notes its stops and starts in a file: a test reads in which order a restore made them.
import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import type { EnvValues, Workspace } from "./workspace.ts";

/** Settings whose commands write `stop` and `start` into `service.log` of the place. */
export const noted = (place: Workspace): EnvValues => ({
  SERVICE_STOP: `echo stop >> '${place.at("service.log")}'`,
  SERVICE_START: `echo start >> '${place.at("service.log")}'`,
});

/** What was noted, in order; one empty text where nothing was. */
export const serviceLog = async (place: Workspace) =>
  (await readFile(place.at("service.log"), "utf8").catch(() => "")).trim().split("\n");

/** A service whose stop lets the test act before it comes back; its start is noted. */
export function gated(place: Workspace) {
  const [told, go] = [place.at("told"), place.at("go")];
  execFileSync("mkfifo", [told]);
  return {
    // A signal may have ended the command before the test lets it go: then nobody waits for the file.
    env: {
      ...noted(place),
      SERVICE_STOP: `echo > '${told}'; until [ -e '${go}' ]; do sleep 0.02; done`,
    },
    reached: () => readFile(told),
    letGo: () => writeFile(go, ""),
  };
}
