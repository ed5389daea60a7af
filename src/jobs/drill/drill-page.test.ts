// The page of a drill, with names that try to be something else.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DrillReport } from "./drill-result.ts";
import { formatDrillPage } from "./drill-page.ts";

const HOSTILE = `"><script>alert('x')</script>&amp;\u202e\u001b[31m`;

const report = (more: Partial<DrillReport> = {}): DrillReport => ({
  schema: 1,
  id: "2026-11-23_04-00-00",
  ok: true,
  tool: { name: "mongokeep", version: "0.1.0" },
  host: "backup-host",
  startedAt: "2026-11-23T03:00:00.000Z",
  finishedAt: "2026-11-23T03:01:00.000Z",
  backup: { id: "2026-11-23_02-00-00", path: "/b", createdAt: "2026-11-23T01:00:00.000Z", type: "automatic", serverVersion: "6.0.5", scope: { hosts: ["h:1"], databases: null } }, // prettier-ignore
  server: { kind: "own", version: "7.0.1", topology: "replicaSet", featureCompatibilityVersion: "7.0", binary: "/usr/bin/mongod" }, // prettier-ignore
  timings: { verifySeconds: 1, startSeconds: 2, restoreSeconds: 30, compareSeconds: 4, checkSeconds: 0, totalSeconds: 37 }, // prettier-ignore
  collections: [],
  accounts: "none in the backup",
  checks: [],
  problems: [],
  warnings: [],
  ...more,
});

test("a page says which backup, when, on which servers, how long, and times in the zone", () => {
  const page = formatDrillPage(report(), "Europe/Berlin");
  for (const said of [
    "2026-11-23_02-00-00",
    "2026-11-23 02:00:00 (Europe/Berlin)",
    "6.0.5",
    "MongoDB 7.0.1, replicaSet",
    "mongokeep 0.1.0",
    "Machine of the drill</th><td>backup-host",
    "<th>Name</th><th>Date</th><th>Signature</th>",
    "30 s",
    "37 s",
    "Passed",
    "Databases</th><td>all",
  ])
    // prettier-ignore
    assert.ok(page.includes(said), said);
});

test("no name, check, problem or warning can become markup, and none hides", () => {
  const compared = { type: "collection", contentHash: HOSTILE, content: "equal", indexes: "equal", options: "equal", equal: true } as const; // prettier-ignore
  const page = formatDrillPage(
    report({
      collections: [{ ...compared, namespace: HOSTILE, documents: { backup: 1, restored: 1 } }],
      checks: [{ name: HOSTILE, check: HOSTILE, ok: true, found: HOSTILE }],
      problems: [{ file: HOSTILE, chunk: 1, document: 2, problem: HOSTILE }],
      warnings: [HOSTILE],
      tool: { name: "mongokeep", version: HOSTILE },
      backup: { ...report().backup, id: HOSTILE, scope: { hosts: [HOSTILE], databases: [HOSTILE] } }, // prettier-ignore
    }),
    "UTC",
  );
  assert.doesNotMatch(page, /<script|[\u202e\u001b]|&amp;amp;[^&]*<script/);
  assert.ok(page.includes("&quot;&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&amp;amp;\\u202e\\u001b[31m")); // prettier-ignore
  assert.equal((page.match(/<tr>/g) ?? []).length, (page.match(/<\/tr>/g) ?? []).length);
});

test("every cell of a table with several columns has its label, for a phone's narrow screen", () => {
  const one = { namespace: "surg.a", type: "collection", documents: { backup: 2, restored: 2 }, contentHash: "x", content: "equal", indexes: "equal", options: "equal", equal: true } as const; // prettier-ignore
  const check = { name: "n", check: "c", ok: true, found: "1" };
  const page = formatDrillPage(report({ collections: [one], checks: [check] }), "UTC");
  const bodies = [...page.matchAll(/<tr><td>(?!<\/td>).*?<\/tr>/g)].map(([row]) => row);
  assert.equal(bodies.length, 2);
  for (const row of bodies)
    assert.equal(row.match(/<td data-label=/g)?.length, (row.match(/<td/g)?.length ?? 0) - 1, row);
});

test("a failed drill says of what", () => {
  const bad = { namespace: "surg.a", type: "collection", documents: { backup: 2, restored: 1 }, contentHash: null, content: "differs", indexes: "equal", options: "equal", equal: false } as const; // prettier-ignore
  const check = { name: "n", check: "c", ok: false, found: "1" };
  const said = (more: Partial<DrillReport>) => formatDrillPage(report({ ok: false, ...more }), "UTC"); // prettier-ignore
  assert.match(said({ collections: [bad] }), /Failed: 1 of 1 collections differ/);
  const good = { ...bad, content: "equal", equal: true } as const;
  const passed = { ...check, ok: true };
  assert.match(
    said({ collections: [good], checks: [check, passed, passed] }),
    /Failed: 1 of 3 checks failed, data equal\./,
  );
  assert.match(
    said({ collections: [good, bad], checks: [check] }),
    /Failed: 1 of 2 collections differ, 1 of 1 checks failed\./,
  );
  const problem = { file: "", chunk: null, document: null, problem: "a role differs" };
  assert.match(said({ collections: [good], problems: [problem] }), /Failed: see Problems below\./);
  assert.match(said({ server: null }), /Failed: the backup could not be restored/);
});
