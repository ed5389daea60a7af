// report.html: one printable page for somebody who was not there, an auditor. Pure.
// What must stay true: nothing is loaded from anywhere, nothing runs, and every text is escaped.
import { formatBackupId } from "../../archive/layout.ts";
import { formatCount, formatDuration } from "../../util/units.ts";
import { escapeText } from "../../util/visible-text.ts";
import type { DrilledCollection, DrillReport } from "./drill-result.ts";

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text for HTML, with what would move or hide other text written out. */
export const toHtml = (text: string) =>
  escapeText(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");

/** On a narrow screen each row becomes a block with its labels, so that no column squeezes words apart. */
const STYLE = `
body{font:15px/1.45 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:60em;margin:2em auto;padding:0 1em;overflow-wrap:break-word}
h1{font-size:1.5em;margin:0 0 .2em}h2{font-size:1.1em;margin:1.8em 0 .4em;border-bottom:1px solid #999}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.25em .8em .25em 0;border-bottom:1px solid #ddd}
.n{text-align:right}.verdict{font-size:1.2em;font-weight:600;padding:.5em .8em;border:2px solid;margin:1em 0}
.good{color:#0b6b2d}.bad{color:#a40000}code{font-size:.9em;overflow-wrap:anywhere}footer{margin-top:2.5em;color:#555;font-size:.85em}
.sign td{height:3em;vertical-align:bottom;border-bottom:1px solid #333;width:34%}.sign th{border:0}
@media screen and (max-width:40em){thead{display:none}tr{display:block;padding:.4em 0;border-bottom:1px solid #999}th,td,.n,.sign td{display:block;width:auto;text-align:left;border:0;padding:0}td[data-label]::before{content:attr(data-label)": ";color:#555}.sign td{height:auto;min-height:2.5em;border-bottom:1px solid #333}}
@page{margin:18mm}@media print{body{margin:0;max-width:none}tr,.sign{break-inside:avoid}thead{display:table-header-group}}`;

/** `zone`: times of day are shown in it. */
export function formatDrillPage(report: DrillReport, zone: string): string {
  const title = `Restore drill ${report.id}`;
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${toHtml(title)}</title>
<style>${STYLE}
</style>
</head>
<body>
<h1>${toHtml(title)}</h1>
${verdict(report)}
${facts(report, zone)}
${problems(report)}
${collections(report)}
${checks(report)}
${list("Warnings", report.warnings)}
${SIGNATURE}
<footer>${toHtml(`Written by mongokeep ${report.tool.version}. report.json beside this page has the same facts for programs. Neither contains the contents of documents.`)}</footer>
</body>
</html>
`;
}

function verdict(report: DrillReport): string {
  const text = report.ok
    ? "Passed: the backup was restored, and the restored data is what the backup holds."
    : `Failed: ${reasonOf(report)}.`;
  return `<p class="verdict ${report.ok ? "good" : "bad"}">${toHtml(text)}</p>`;
}

/** A failed check says nothing against the data: whether that was equal is said beside it. */
function reasonOf({ checks, collections, problems, server }: DrillReport): string {
  const failed = checks.filter((one) => !one.ok).length;
  const differing = collections.filter((one) => !one.equal).length;
  const checked = failed > 0 ? [`${failed} of ${checks.length} checks failed`] : [];
  if (server === null || (problems.length > 0 && collections.length === 0))
    return "the backup could not be restored";
  if (differing > 0)
    return [`${differing} of ${collections.length} collections differ`, ...checked].join(", ");
  return [...checked, problems.length > 0 ? "see Problems below" : "data equal"].join(", ");
}

/** For whoever answers for it that the drill was held. */
const SIGNATURE = `<h2>Reviewed</h2>
<table class="sign">
<tr><td></td><td></td><td></td></tr>
<tr><th>Name</th><th>Date</th><th>Signature</th></tr>
</table>`;

function facts({ backup, server, timings, ...report }: DrillReport, zone: string): string {
  const rows: (readonly [string, string | null])[] = [
    ["Backup", backup.id],
    ["Backup made", when(backup.createdAt, zone)],
    ["Type of backup", backup.type],
    ["Backup of the server", backup.scope?.hosts.join(", ") ?? null],
    ["Databases", backup.scope && (backup.scope.databases?.join(", ") ?? "all")],
    ["MongoDB backed up", backup.serverVersion],
    ["Drill started", when(report.startedAt, zone)],
    ["Drill ended", when(report.finishedAt, zone)],
    ["Machine of the drill", report.host],
    ["Program", `mongokeep ${report.tool.version}`],
    ["Restored into", server && describeServer(server)],
    ["Files verified in", formatDuration(timings.verifySeconds * 1_000)],
    ["Server ready in", server && formatDuration(timings.startSeconds * 1_000)],
    ["Restored in", server && formatDuration(timings.restoreSeconds * 1_000)],
    ["Compared in", server && formatDuration(timings.compareSeconds * 1_000)],
    [
      "Checks run in",
      report.checks.length > 0 ? formatDuration(timings.checkSeconds * 1_000) : null,
    ],
    ["Total time", formatDuration(timings.totalSeconds * 1_000)],
    ["Users and roles", report.accounts],
  ];
  const shown = rows.flatMap(([name, value]) =>
    value === null ? [] : [`<tr><th>${toHtml(name)}</th><td>${toHtml(value)}</td></tr>`],
  );
  return `<h2>What was done</h2>\n<table>\n${shown.join("\n")}\n</table>`;
}

function describeServer(server: NonNullable<DrillReport["server"]>): string {
  const { kind, version, topology, binary } = server;
  const where =
    kind === "own" ? `a temporary server (${binary ?? ""})` : "the server of DRILL_MONGODB_URI";
  return `MongoDB ${version}, ${topology}, ${where}`;
}

/** "2026-11-23 02:00:03 (Europe/Berlin)" */
function when(iso: string | null, zone: string): string | null {
  if (iso === null) return null;
  const [day = "", time = ""] = formatBackupId(Date.parse(iso), zone).split("_");
  return `${day} ${time.replaceAll("-", ":")} (${zone})`;
}

function problems({ problems: all }: DrillReport): string {
  return list(
    "Problems",
    all.map(({ file, chunk, document, problem }) => {
      const place = [
        file,
        chunk === null ? "" : `chunk ${chunk}`,
        document === null ? "" : `document ${document}`,
      ].filter((part) => part !== "");
      return place.length === 0 ? problem : `${place.join(", ")}: ${problem}`;
    }),
  );
}

function list(title: string, lines: readonly string[]): string {
  if (lines.length === 0) return "";
  const items = lines.map((line) => `<li>${toHtml(line)}</li>`).join("\n");
  return `<h2>${toHtml(title)}</h2>\n<ul>\n${items}\n</ul>`;
}

const mark = (label: string, ok: boolean, text: string) =>
  `<td data-label="${label}" class="${ok ? "good" : "bad"}">${toHtml(text)}</td>`;
const count = (label: string, value: number | null) =>
  `<td data-label="${label}" class="n">${value === null ? "–" : formatCount(value)}</td>`;

function collections({ collections: all }: DrillReport): string {
  if (all.length === 0) return "";
  const heads = ["Collection", "In the backup", "Restored", "Documents", "Indexes", "Options"];
  const head = heads.map((name, n) => `<th${n === 1 || n === 2 ? ' class="n"' : ""}>${name}</th>`);
  const rows = all.map(collectionRow);
  return `<h2>Collections</h2>\n<table>\n<thead><tr>${head.join("")}</tr></thead>\n<tbody>\n${rows.join("\n")}\n</tbody>\n</table>`;
}

function collectionRow({ namespace, type, documents, ...one }: DrilledCollection): string {
  const name = type === "collection" ? namespace : `${namespace} (${type})`;
  const judged = [
    ["Documents", one.content] as const,
    ["Indexes", one.indexes] as const,
    ["Options", one.options] as const,
  ].map(([label, said]) => mark(label, said !== "differs", said.replace("-", " ")));
  const hash = one.contentHash === null ? "" : `<br><code>${toHtml(one.contentHash)}</code>`;
  return `<tr><td>${toHtml(name)}${hash}</td>${count("In the backup", documents.backup)}${count("Restored", documents.restored)}${judged.join("")}</tr>`;
}

function checks({ checks: all }: DrillReport): string {
  if (all.length === 0) return "";
  const rows = all.map(
    ({ name, check, ok, found }) =>
      `<tr><td>${toHtml(name)}</td><td data-label="Condition"><code>${toHtml(check)}</code></td>${mark("Result", ok, ok ? "passed" : "failed")}<td data-label="Found">${toHtml(found)}</td></tr>`,
  );
  return `<h2>Checks</h2>\n<table>\n<thead><tr><th>Check</th><th>Condition</th><th>Result</th><th>Found</th></tr></thead>\n<tbody>\n${rows.join("\n")}\n</tbody>\n</table>`;
}
