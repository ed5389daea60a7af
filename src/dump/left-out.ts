// What a listing leaves out although a user may have put it there: named in the manifest and as warnings. Pure.
import type { LeftOut } from "../archive/manifest.ts";
import type { Emit } from "../events.ts";
import type { ListedDatabase } from "../mongo/namespaces.ts";

type Because = LeftOut["because"];

const REASONS: Readonly<Record<Because, string>> = {
  temporary: "created with the option temp: the server deletes them at its next start or election",
  "servers-database":
    "local and config belong to the server: keep collections of your own in another database",
  "internal-database": "names that begin with __mdb_internal belong to MongoDB's own services",
  "no-time-series": "measurements whose time series was deleted: create it again, or delete them",
};

/** What $out, mapReduce and convertToCapped make for the time of one command: most often that, and no news. */
const OF_A_COMMAND = /\.tmp(\.agg_out\.|\.mr\.|.{5}\.convertToCapped\.)/;

const isNews = ({ namespace, because }: LeftOut) =>
  because !== "temporary" || !OF_A_COMMAND.test(namespace);

/** One message for each reason. */
export function warnOfLeftOut(leftOut: readonly LeftOut[], emit: Emit): void {
  for (const because of Object.keys(REASONS) as Because[]) {
    const found = leftOut.filter((one) => one.because === because);
    if (found.length === 0) continue;
    const names = found.map(({ namespace }) => namespace).join(", ");
    const level = found.some(isNews) ? "warn" : "info";
    const message = `left out: ${names} (${REASONS[because]})`;
    emit({ kind: "log", level, code: `left-out-${because}`, message });
  }
}

/** What a database has besides the namespaces of its listing. */
export function besides(database: string, { strays, orphans }: ListedDatabase): LeftOut[] {
  const leftOut = (names: readonly string[], because: Because) =>
    names.map((name) => ({ namespace: `${database}.${name}`, because }));
  return [...leftOut(strays, "servers-database"), ...leftOut(orphans, "no-time-series")];
}
