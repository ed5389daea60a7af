// One backup in full, and one that was deleted.
import { namesOutsideInstant } from "../../archive/manifest.ts";
import type { Manifest } from "../../archive/manifest.ts";
import type { DeleteResult, ShowResult } from "../../jobs/results.ts";
import { formatBytes, formatCount } from "../../util/units.ts";
import { escapeText } from "../escape.ts";
import type { View } from "../style.ts";
import { formatFacts, formatTable } from "../table.ts";
import { formatProblem } from "./verify.ts";
import {
  formatCompression,
  formatContent,
  formatNames,
  formatNumber,
  formatSize,
  formatWhen,
} from "./parts.ts";

const HEAD = ["collection", "documents", "unpacked", "stored", "indexes"];
const ALIGN = ["left", "right", "right", "right", "right"] as const;

export function formatShow(result: ShowResult, view: View): string {
  const { state, problem, problems } = result;
  const manifest = result.manifest ?? result.draft;
  const head = `${view.style.bold(escapeText(result.id))}  ${state}`;
  const because = [
    ...(problem === null ? [] : [view.style.bad(escapeText(problem))]),
    ...problems.map((one) => `  ${formatProblem(one)}`),
  ];
  if (!manifest) return [head, ...because, formatForeign(result, view)].join("\n");
  const rows = manifest.collections.map((one) => [
    escapeText(`${one.database}.${one.name}`) + (one.type === "collection" ? "" : ` (${one.type})`),
    formatCount(one.documents),
    formatBytes(one.rawBytes),
    formatBytes(one.storedBytes),
    formatCount(one.indexes.length),
  ]);
  const table =
    rows.length === 0
      ? []
      : [
          formatTable(HEAD, rows, ALIGN, {
            columns: view.columns ?? null,
            drop: ["unpacked", "indexes"],
          }),
        ];
  const warned = (manifest.warnings ?? []).map((one) => view.style.bad(`! ${escapeText(one)}`));
  return [head, ...because, formatManifest(result, manifest, view), ...warned, ...table].join("\n");
}

/** A dump of the stock tools says nothing of itself but what its files are. */
function formatForeign({ path, contents }: ShowResult, { columns }: View): string {
  const facts: [string, string | null][] = [["folder", escapeText(path)]];
  if (contents)
    facts.push(
      ["kind", "a dump of mongodump: no manifest, so that nothing is promised of its contents"],
      ["holds", `${formatNumber(contents.collections.length, "collection")}: ${formatNames(contents.collections) ?? "none"}`],
      ["oplog", contents.hasOplog ? "comes with it: a restore replays it" : null],
      ["next", `mongokeep verify ${escapeText(path)} reads every document; mongokeep restore ${escapeText(path)} shows what a restore would do`],
    ); // prettier-ignore
  return formatFacts(facts, columns);
}

function formatManifest(result: ShowResult, manifest: Manifest, view: View): string {
  const { verification, expiresOn } = result;
  const { server, note } = manifest;
  const where = manifest.scope.hosts.join(",");
  const facts: [string, string | null][] = [
    ["folder", escapeText(result.path)],
    ["made", formatWhen(manifest.createdAt, view)],
    ["type", [manifest.type, ...manifest.tier].join(", ")],
    ["note", note === null ? null : escapeText(note)],
    ["from", escapeText(`MongoDB ${server.version} (${server.topology}) at ${where}`)],
    ["databases", manifest.scope.databases === null ? "all" : manifest.scope.databases.map(escapeText).join(", ")], // prettier-ignore
    ["left out", manifest.scope.exclude.length > 0 ? `${manifest.scope.exclude.map(escapeText).join(", ")} (--exclude)` : null], // prettier-ignore
    ["moment", momentOf(manifest)],
    ["engine", manifest.engine === "native" ? null : manifest.engine],
    ["users", manifest.users],
    ["packed", formatCompression(manifest.compression)],
    ["holds", formatContent(manifest.totals)],
    ["size", formatSize(manifest.totals)],
    ["verified", verification ? `${verification.ok ? "good" : "DAMAGED"}, ${verification.level}, ${formatWhen(verification.verifiedAt, view)}` : "never"], // prettier-ignore
    [
      "kept until",
      expiresOn === null
        ? "no end"
        : `${expiresOn.slice(0, 10)}, if each night brings a good backup`,
    ],
  ];
  return formatFacts(facts, view.columns);
}

/** Collections that refuse reads at an instant are no part of it. */
function momentOf({ consistency, collections }: NonNullable<ShowResult["manifest"]>): string {
  const { mode } = consistency;
  if (mode === "none") return "collections one after the other, not one instant";
  const names = formatNames(namesOutsideInstant({ consistency, collections }));
  return `one instant (${mode})${names === null ? "" : `, except ${names} (read during the dump)`}`;
}

export function formatDelete(result: DeleteResult, { style }: View): string {
  const id = escapeText(result.id);
  const freed = formatBytes(result.freedBytes);
  if (result.deleted) return `deleted ${style.bold(id)}: ${freed} freed`;
  return `would delete ${style.bold(id)} (${freed}) for good\nnothing was changed: ${style.bold(`mongokeep delete ${id} --confirm`)} does it`;
}
