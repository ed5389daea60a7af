// Whether a server can take a backup at all: version, feature compatibility version, topology, and what the
// backup's collections need. Asked before anything is touched; `--force-version` turns it into a warning.
// A server's own refusals would come too, from the rehearsal, but one by one and in the server's words.
import type { CollectionMetadata } from "../../archive/metadata.ts";
import { readMetadata } from "../../archive/metadata-file.ts";
import type { OpenedBackup } from "../../archive/opened.ts";
import { KeepError } from "../../errors.ts";
import { NEWEST_KNOWN } from "../../mongo/definition-fields.ts";
import type { ServerInfo } from "../../mongo/server-info.ts";
import { isBefore, seriesOf, showSeries } from "../../util/series.ts";
import type { Series } from "../../util/series.ts";
import { strangeFieldsOf } from "./strange-fields.ts";
import { featuresOf } from "./server-features.ts";
import type { RestorePlan } from "./plan.ts";
import type { Feature } from "./server-features.ts";

/** A reason not to restore here. */
export interface Misfit {
  /** Lower case, names versions and namespaces. */
  readonly problem: string;
  /** Sentence: what to do. */
  readonly hint: string;
}

/** A collection that is to be restored, by its name in the target. */
export interface GuardedCollection {
  readonly namespace: string;
  readonly metadata: CollectionMetadata | null;
}

/** Why `target` cannot take the backup; empty: it can. `source` is null for a dump that does not say. */
export function findMisfits(
  source: ServerInfo | null,
  target: ServerInfo,
  collections: readonly GuardedCollection[],
): Misfit[] {
  return [
    ...versionMisfits(source, target),
    ...topologyMisfits(target),
    ...collections.flatMap((one) => featureMisfits(one, target)),
  ];
}

/** What the server may use: an older feature compatibility version holds it back. */
function usableSeries({ version, featureCompatibilityVersion }: ServerInfo): Series | null {
  const [binary, compatible] = [seriesOf(version), seriesOf(featureCompatibilityVersion)];
  if (binary === null || compatible === null) return binary;
  return isBefore(compatible, binary) ? compatible : binary;
}

function versionMisfits(source: ServerInfo | null, target: ServerInfo): Misfit[] {
  const [made, here] = [seriesOf(source?.version ?? null), seriesOf(target.version)];
  if (made && here && isBefore(here, made))
    return [
      {
        problem: `the backup was made of MongoDB ${source?.version ?? ""}, and this server is the older ${target.version}`,
        hint: `Restore it to MongoDB ${showSeries(made)} or newer.`,
      },
    ];
  const [then, now] = [
    seriesOf(source?.featureCompatibilityVersion ?? null),
    seriesOf(target.featureCompatibilityVersion),
  ];
  if (then && now && isBefore(now, then))
    return [
      {
        problem: `the backup was made at feature compatibility version ${showSeries(then)}, and this server is set to the older ${showSeries(now)}`,
        hint: `Raise it first: db.adminCommand({setFeatureCompatibilityVersion: "${showSeries(then)}"}).`,
      },
    ];
  return [];
}

/** Through a router a dropped and created collection is no longer sharded, and would lie on one shard. */
function topologyMisfits({ topology }: ServerInfo): Misfit[] {
  if (topology !== "sharded") return [];
  return [
    {
      problem:
        "this is a router of a sharded cluster, where restored collections would be unsharded",
      hint: "Restore to a replica set, or shard the collections anew afterwards.",
    },
  ];
}

function featureMisfits({ namespace, metadata }: GuardedCollection, target: ServerInfo): Misfit[] {
  if (metadata === null) return [];
  return [
    ...featuresOf(metadata).flatMap((feature) => misfitOf(feature, namespace, target) ?? []),
    ...strangeOptions(namespace, metadata, target),
  ];
}

/** An option may change what a collection is, and a server that is known does not have it. */
function strangeOptions(
  namespace: string,
  metadata: CollectionMetadata,
  { version }: ServerInfo,
): Misfit[] {
  const series = seriesOf(version);
  if (series === null || isBefore(NEWEST_KNOWN, series)) return [];
  return strangeFieldsOf(metadata).unknownOptions.map((name) => ({
    problem: `${namespace} has the option ${JSON.stringify(name)}, which no MongoDB up to ${showSeries(NEWEST_KNOWN)} has`,
    hint: "Take it out of the metadata file if it means nothing, or leave the collection out with --exclude.",
  }));
}

function misfitOf(feature: Feature, namespace: string, target: ServerInfo): Misfit | null {
  const usable = usableSeries(target);
  const { name, since, until, needsReplicaSet = false } = feature;
  const uses = `${namespace} uses ${name}, which`;
  if (usable && since && isBefore(usable, since))
    return {
      problem: `${uses} this server (${describeServer(target)}) does not have yet`,
      hint: `Restore to MongoDB ${showSeries(since)} or newer, with its feature compatibility version raised.`,
    };
  if (usable && until && !isBefore(usable, until))
    return {
      problem: `${uses} this server (${describeServer(target)}) no longer has`,
      hint: `Restore to a server before MongoDB ${showSeries(until)}, or leave the collection out with --only.`,
    };
  if (needsReplicaSet && target.topology === "standalone")
    return {
      problem: `${uses} a standalone server does not have`,
      hint: "Make it a replica set (one member is enough: mongokeep doctor tells how).",
    };
  return null;
}

function describeServer({ version, featureCompatibilityVersion }: ServerInfo): string {
  const series = seriesOf(version);
  const compatible = seriesOf(featureCompatibilityVersion);
  const held = series && compatible && isBefore(compatible, series);
  return held ? `${version}, feature compatibility ${showSeries(compatible)}` : version;
}

/** The refusal. The hint says how to go on all the same. */
export function misfitError(misfits: readonly [Misfit, ...Misfit[]]): KeepError {
  const [first] = misfits;
  const more =
    misfits.length > 1
      ? ` (and ${misfits.length - 1} more ${misfits.length > 2 ? "reasons" : "reason"})`
      : "";
  return new KeepError("unfit-server", `${first.problem}${more}`, {
    hint: `${first.hint} To try it here all the same: --force-version.`,
    details: { reasons: misfits.map(({ problem }) => problem) },
  });
}

/** The planned collections as the guard looks at them. @throws KeepError damaged */
export async function withMetadata(
  backup: OpenedBackup,
  plan: Pick<RestorePlan, "collections">,
): Promise<GuardedCollection[]> {
  const archived = new Map(backup.collections.map((c) => [`${c.database}.${c.name}`, c]));
  const found: GuardedCollection[] = [];
  for (const { namespace, source } of plan.collections) {
    const one = archived.get(`${source.database}.${source.name}`);
    found.push({ namespace, metadata: one ? await readMetadata(one) : null });
  }
  return found;
}
