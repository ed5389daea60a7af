// Advice for people who need a newer mongod than the installed one. Pure.
import { showSeries } from "../util/series.ts";
import type { Series } from "../util/series.ts";

/** How to get a mongod of this series for drills. */
export function howToGetMongod(wanted: Series): string {
  const version = showSeries(wanted);
  return `Install MongoDB ${version} or newer on this machine (package mongodb-org-server), or unpack the .tgz of its Community Server (https://www.mongodb.com/try/download/community) and set MONGOD_BINARY to its bin/mongod, or set DRILL_MONGODB_URI to an empty server of that version.`;
}
