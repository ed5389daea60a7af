// The backups, newest first, each with the day on which cleanup will delete it. Takes no lock, changes nothing.
import { Temporal } from "temporal-polyfill";
import { listCatalog } from "../../archive/catalog.ts";
import type { CatalogEntry } from "../../archive/catalog.ts";
import { chooseLatest } from "../../archive/resolve.ts";
import { planFor } from "./cleanup.ts";
import type { JobContext } from "../context.ts";
import type { ListedBackup, ListResult } from "../results.ts";
import { readPins } from "./retention-items.ts";

/** Runs that have not ended are not among them: `status` tells of those. */
export async function listBackups(context: JobContext): Promise<ListResult> {
  const entries = await listCatalog(context.settings.backupDir, context.place);
  const expiry = await readExpiry(context, entries);
  const backups = entries.filter(({ state }) => state !== "partial");
  const latest = findLatest(context, entries);
  return {
    backups: backups.map((entry) => ({
      ...toListed(entry, expiry.get(entry.id) ?? null),
      isLatest: entry.id === latest,
    })),
  };
}

/** The id that `latest` stands for, with these settings. */
export function findLatest(
  { settings, clock }: Pick<JobContext, "settings" | "clock">,
  entries: readonly CatalogEntry[],
): string | null {
  const wanted = { hosts: settings.hosts, databases: settings.databases, exclude: [] };
  return chooseLatest(entries, wanted, clock.now())?.id ?? null;
}

/** Id → the local date on which cleanup deletes it, for those that have one. */
export async function readExpiry(
  context: JobContext,
  entries: readonly CatalogEntry[],
): Promise<ReadonlyMap<string, string>> {
  const { timezone } = context.settings;
  const { decisions } = planFor(context, entries, await readPins(context, entries));
  const dates = new Map<string, string>();
  for (const { id, expiresAtMs } of decisions)
    if (expiresAtMs !== null) dates.set(id, localDate(expiresAtMs, timezone));
  return dates;
}

function localDate(ms: number, zone: string): string {
  const moment = Temporal.Instant.fromEpochMilliseconds(Math.floor(ms));
  return moment.toZonedDateTimeISO(zone).toPlainDate().toString();
}

export function toListed(entry: CatalogEntry, expiresOn: string | null): ListedBackup {
  const { id, path, state, verification, problem } = entry;
  const manifest = entry.manifest ?? entry.draft ?? null;
  return {
    id,
    path,
    state,
    type: manifest?.type ?? null,
    note: manifest?.note ?? null,
    createdAt: manifest?.createdAt ?? null,
    tier: manifest?.tier ?? [],
    totals: manifest?.totals ?? null,
    server: manifest?.scope.server ?? null,
    databases: manifest?.scope.databases ?? null,
    exclude: manifest?.scope.exclude ?? [],
    users: manifest?.users ?? null,
    isLatest: false,
    verification: verification && {
      ok: verification.ok,
      level: verification.level,
      verifiedAt: verification.verifiedAt,
    },
    expiresOn,
    problem,
  };
}
