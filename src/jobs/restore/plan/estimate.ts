// What a restore will take, from what this machine was last measured at: for the plan that a person decides by.
import { listCatalog } from "../../../archive/catalog.ts";
import type { CatalogEntry } from "../../../archive/catalog.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { listRecords } from "../../../restore/record/read-record.ts";
import type { StoredRecord } from "../../../restore/record/record.ts";
import type { JobContext } from "../../context.ts";
import { listDrills } from "../../drill/drill-files.ts";
import { drillsOfScope } from "../../status/status-rules.ts";
import { inPlacePart, needsProtection } from "../run/safety-backup.ts";
import { concernsService } from "./order.ts";
import type { RestoreOrder } from "./order.ts";
import { measureServerSpace, missingBytes } from "./server-space.ts";

export interface Estimate {
  /** From beginning to end, the safety backup included. */
  readonly seconds: number;
  /** `measured`: from earlier runs on this machine; `assumed`: from what such machines usually do. */
  readonly basis: "measured" | "assumed";
  /** What the restore of the newest drill that passed took, the check of the files included; null: not known. */
  readonly lastDrillSeconds: number | null;
  /** How long the service will be down; null where none is stopped. */
  readonly serviceDownSeconds: number | null;
  /** On the server's disk, for the second copy. */
  readonly neededBytes: number;
  readonly freeBytes: number | null;
  /** What is missing on it: with more than 0 the restore would be refused, unless with --in-place. */
  readonly missingBytes: number;
}

const MB = 1_000_000;
/** Seen on a machine of two cores. `Each`: seconds for a collection, whatever it holds. */
const ASSUMED = { load: 40 * MB, dump: 60 * MB, loadEach: 0.01, dumpEach: 0.003 } as const;
/** Fewer collections tell nothing about what each of them takes. */
const TELLING_COLLECTIONS = 100;
/** Too little data tells nothing about speed. */
const TELLING_BYTES = 20 * MB;
/** Connecting, small collections, renames. */
const FIXED_SECONDS = 2;
/** The journal, and the service's own start, are of this order. */
const SWAP_SECONDS = 0.5;
/** Two renames a collection. */
const SWAP_EACH_SECONDS = 0.002;

export async function estimate(
  context: JobContext,
  deployment: Deployment,
  order: RestoreOrder,
): Promise<Estimate> {
  const { backupDir } = context.settings;
  const { plan } = order;
  const records = await listRecords(backupDir);
  const catalog = await listCatalog(backupDir, context.place);
  const loads = loadRate(records);
  const dumps = dumpRate(catalog);
  const loadRawBytes = order.swapBack ? 0 : plan.totals.rawBytes;
  const loadEach = loadEachSeconds(records, loads ?? ASSUMED.load);
  const loadSeconds =
    loadRawBytes / (loads ?? ASSUMED.load) + (order.swapBack ? 0 : loadEach * countOf(order));
  const protectBytes = needsProtection(order) && !order.swapBack ? liveBytes(order) : 0;
  const dumpEach = dumpEachSeconds(catalog, dumps ?? ASSUMED.dump);
  const protectSeconds =
    protectBytes / (dumps ?? ASSUMED.dump) + (protectBytes > 0 ? dumpEach * liveCount(order) : 0);
  const space = order.swapBack
    ? { neededBytes: 0, freeBytes: null }
    : await measureServerSpace(deployment, plan);
  const { clock, settings, place } = context;
  const drills = drillsOfScope(await listDrills(place.storage, backupDir), settings, clock.now());
  const stops = concernsService(order) && context.service !== null;
  const down = downSeconds(order, loads ?? ASSUMED.load, loadSeconds + protectSeconds);
  return {
    seconds: Math.ceil(
      FIXED_SECONDS + loadSeconds + protectSeconds + SWAP_EACH_SECONDS * countOf(order),
    ),
    basis: loads === null && loadRawBytes > 0 ? "assumed" : "measured",
    lastDrillSeconds: drills.find(({ ok }) => ok)?.restoreSeconds ?? null,
    serviceDownSeconds: stops ? Math.round(down * 10) / 10 : null,
    ...space,
    missingBytes: plan.mode === "staged" ? missingBytes(space) : 0,
  };
}

function downSeconds({ plan }: RestoreOrder, rate: number, whole: number): number {
  if (plan.mode === "in-place") return FIXED_SECONDS + whole;
  const part = inPlacePart(plan);
  const bytes = part?.collections.reduce((sum, c) => sum + (c.rawBytes ?? 0), 0) ?? 0;
  const swapped = plan.collections.filter((c) => c.way !== "in-place").length;
  return SWAP_SECONDS + SWAP_EACH_SECONDS * swapped + (part ? 1 + bytes / rate : 0);
}

const liveBytes = ({ plan }: RestoreOrder) =>
  plan.collections.reduce((sum, { live }) => sum + (live?.bytes ?? 0), 0);

const countOf = ({ plan }: RestoreOrder) => plan.collections.length;
const liveCount = ({ plan }: RestoreOrder) => plan.collections.filter(({ live }) => live).length;

/** What the newest restore of many collections took for each, beside their bytes. */
function loadEachSeconds(records: readonly StoredRecord[], bytesPerSecond: number): number {
  for (const { entries, recorded } of records) {
    const rate = entries.findLast((e) => e.step === "end")?.rate;
    const { collections } = recorded.plan.totals;
    if (rate && rate.loadSeconds > 0 && collections >= TELLING_COLLECTIONS)
      return Math.max(0, rate.loadSeconds - rate.rawBytes / bytesPerSecond) / collections;
  }
  return ASSUMED.loadEach;
}

/** The same of the newest backup, its verification included. */
function dumpEachSeconds(entries: readonly CatalogEntry[], bytesPerSecond: number): number {
  for (const { manifest } of entries) {
    const { collections = 0, rawBytes = 0 } = manifest?.totals ?? {};
    if (!manifest || collections < TELLING_COLLECTIONS) continue;
    const seconds = (Date.parse(manifest.finishedAt) - Date.parse(manifest.createdAt)) / 1_000;
    if (seconds > 0) return Math.max(0, seconds - rawBytes / bytesPerSecond) / collections;
  }
  return ASSUMED.dumpEach;
}

/** BSON bytes a second of the newest restore that was large enough to tell. */
function loadRate(records: readonly StoredRecord[]): number | null {
  for (const { entries } of records) {
    const rate = entries.findLast((e) => e.step === "end")?.rate;
    if (rate && rate.rawBytes >= TELLING_BYTES && rate.loadSeconds > 0)
      return rate.rawBytes / rate.loadSeconds;
  }
  return null;
}

/** The same of the newest backup, its verification included. */
function dumpRate(entries: readonly CatalogEntry[]): number | null {
  for (const { manifest } of entries) {
    if (!manifest || manifest.totals.rawBytes < TELLING_BYTES) continue;
    const seconds = (Date.parse(manifest.finishedAt) - Date.parse(manifest.createdAt)) / 1_000;
    if (seconds > 0) return manifest.totals.rawBytes / seconds;
  }
  return null;
}
