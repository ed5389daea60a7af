// A service that notes its stops and starts in a file: a test reads in which order a restore made them.
import { readFile } from "node:fs/promises";
import type { EnvValues, Workspace } from "./workspace.ts";

/** Settings whose commands write `stop` and `start` into `service.log` of the place. */
export const noted = (place: Workspace): EnvValues => ({
  SERVICE_STOP: `echo stop >> '${place.at("service.log")}'`,
  SERVICE_START: `echo start >> '${place.at("service.log")}'`,
});

/** What was noted, in order; one empty text where nothing was. */
export const serviceLog = async (place: Workspace) =>
  (await readFile(place.at("service.log"), "utf8").catch(() => "")).trim().split("\n");
