// The rules one by one. That they hold together is shown by plan.properties.test.ts and tests/golden.
import assert from "node:assert/strict";
import { test } from "node:test";
import { cutoffBefore } from "./calendar.ts";
import type { Decision, RetentionItem } from "./item.ts";
import { planExpiry, planRetention } from "./plan.ts";
import { parsePeriod } from "./policy.ts";

const POLICY = {
  daily: parsePeriod("30d"),
  weekly: parsePeriod("3mo"),
  monthly: parsePeriod("1y"),
};
const DAY = 86_400_000;
// A Monday.
const NOW = Date.parse("2026-11-23T02:05:00Z");

/** A backup of 02:00 UTC, so many days before the 23rd of November 2026. */
function backup(daysAgo: number, other: Partial<RetentionItem> = {}): RetentionItem {
  const createdAtMs = NOW - 300_000 - daysAgo * DAY;
  return {
    id: new Date(createdAtMs).toISOString().slice(0, 10),
    createdAtMs,
    type: "automatic",
    state: "good",
    group: "rs0",
    documents: 1000,
    pinned: null,
    parent: null,
    ...other,
  };
}

const nights = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => backup(from + n));

function decide(items: RetentionItem[], id: string, nowMs = NOW): Decision {
  const { decisions } = planRetention(items, nowMs, POLICY, "UTC");
  const found = decisions.find((decision) => decision.id === id);
  assert.ok(found, `${id} has a decision`);
  return found;
}

const deleted = (items: RetentionItem[], nowMs = NOW) =>
  planRetention(items, nowMs, POLICY, "UTC")
    .decisions.filter(({ action }) => action === "delete")
    .map(({ id }) => id);

const alerts = (items: RetentionItem[], nowMs = NOW) =>
  planRetention(items, nowMs, POLICY, "UTC").alerts.map(({ code }) => code);

test("of 400 nights there stay 30 dailies, the Sundays of 3 months and the 1sts of a year", () => {
  const gone = new Set(deleted(nights(0, 399)));
  const kept = nights(0, 399).filter(({ id }) => !gone.has(id));
  const dailies = kept.filter(({ createdAtMs }) => NOW - createdAtMs < 30 * DAY);
  assert.equal(dailies.length, 30);
  const older = kept.slice(30).map(({ id }) => id);
  const sundays = ["10-18", "10-11", "10-04", "09-27", "09-20", "09-13", "09-06", "08-30"];
  const firsts = [
    "10-01",
    "09-01",
    "08-01",
    "07-01",
    "06-01",
    "05-01",
    "04-01",
    "03-01",
    "02-01",
    "01-01",
  ];
  const expected = [...sundays, ...firsts].map((day) => `2026-${day}`);
  assert.deepEqual(older, [...expected, "2025-12-01"].sort().reverse());
});

test("each reason says in words why", () => {
  const items = [...nights(0, 399), backup(50, { id: "hand", type: "manual" })];
  const reasons = [
    "2026-11-20",
    "2026-10-18",
    "2026-06-01",
    "2026-10-16",
    "2026-08-23",
    "2025-11-01",
    "hand",
  ];
  assert.deepEqual(
    reasons.map((id) => decide(items, id).reason),
    [
      "kept: daily backup, younger than 30 days",
      "kept: weekly backup of week 2026-W42 (Sunday)",
      "kept: monthly backup of month 2026-06 (the 1st)",
      "deleted: older than 30 days, and not the weekly or monthly one",
      "deleted: older than 3 months, and not the monthly one",
      "deleted: monthly backup of month 2025-11 (the 1st), older than 1 year",
      "kept: manual; only mongokeep delete removes it",
    ],
  );
});

test("where the Sunday is missing or damaged, the nearest good one of the week stays", () => {
  const items = nights(0, 120).map((item) => {
    if (item.id === "2026-10-18") return { ...item, state: "damaged" as const };
    if (item.id === "2026-10-17") return { ...item, state: "unverified" as const };
    return item;
  });
  assert.equal(
    decide(items, "2026-10-16").reason,
    "kept: weekly backup of week 2026-W42 (Friday, its nearest good one to Sunday)",
  );
  assert.equal(decide(items, "2026-10-18").action, "delete");
  assert.equal(decide(items, "2026-10-17").action, "delete");
});

test("where the 1st is missing, the nearest good one of the month stays", () => {
  const items = nights(0, 300).filter(({ id }) => id !== "2026-06-01" && id !== "2026-06-02");
  assert.equal(
    decide(items, "2026-06-03").reason,
    "kept: monthly backup of month 2026-06 (day 3, its nearest good one to the 1st)",
  );
});

test("of several backups of one day the last good one fills the place", () => {
  const sunday = backup(36);
  const later = { ...sunday, id: "later", createdAtMs: sunday.createdAtMs + 3_600_000 };
  const last = {
    ...later,
    id: "last",
    createdAtMs: later.createdAtMs + 1,
    state: "damaged" as const,
  };
  const gone = deleted([...nights(0, 100), later, last]);
  assert.ok(!gone.includes("later"));
  assert.ok(gone.includes(sunday.id) && gone.includes("last"));
});

test("a manual backup fills no place and stays", () => {
  const manual = backup(36, { id: "manual", type: "manual" });
  const gone = deleted([...nights(0, 100).filter(({ id }) => id !== "2026-10-18"), manual]);
  assert.ok(!gone.includes("manual"));
  assert.ok(!gone.includes("2026-10-17"), "the Saturday is the weekly one");
});

test("what cannot be read stays, and so does what has no date", () => {
  const unreadable = backup(400, { id: "unreadable", state: "unreadable", group: null });
  const undated = backup(0, { id: "undated", createdAtMs: NaN });
  const negative = backup(0, { id: "negative", createdAtMs: -5 });
  const items = [...nights(0, 60), unreadable, undated, negative];
  const gone = deleted(items);
  for (const id of ["unreadable", "undated", "negative"]) assert.ok(!gone.includes(id), id);
  assert.equal(planRetention(items, NOW, POLICY, "UTC").decisions.length, items.length);
});

test("a pre-restore backup goes after 30 days, unless a restore still needs it", () => {
  const young = backup(29, { id: "young", type: "pre-restore" });
  const old = backup(31, { id: "old", type: "pre-restore" });
  const open = backup(300, { id: "open", type: "pre-restore", pinned: "restore 7 is unfinished" });
  const items = [...nights(0, 60), young, old, open];
  assert.equal(decide(items, "young").action, "keep");
  assert.equal(decide(items, "old").action, "delete");
  assert.equal(decide(items, "open").reason, "kept: restore 7 is unfinished");
});

test("a backup that a kept one builds on stays, and the one below it", () => {
  const items = nights(0, 60).map((item) => {
    if (item.id === "2026-11-20") return { ...item, parent: "2026-10-16" };
    if (item.id === "2026-10-16") return { ...item, parent: "2026-10-15" };
    return item;
  });
  assert.equal(decide(items, "2026-10-16").reason, "kept: 2026-11-20 builds on it");
  assert.equal(decide(items, "2026-10-15").reason, "kept: 2026-10-16 builds on it");
  assert.equal(decide(items, "2026-10-14").action, "delete");
});

test("a manifest whose parents form a circle ends in a decision", () => {
  const items = nights(0, 60).map((item, n, all) =>
    n > 50 ? { ...item, parent: all[n === 51 ? 60 : n - 1]?.id ?? null } : item,
  );
  assert.equal(planRetention(items, NOW, POLICY, "UTC").decisions.length, 61);
});

test("what failed its own verification goes after 7 days once a good one is newer", () => {
  const aside = (days: number) => backup(days, { id: `aside-${days}`, state: "damaged-folder" });
  assert.deepEqual(deleted([...nights(0, 20), aside(6)]), []);
  assert.deepEqual(deleted([...nights(0, 20), aside(8)]), ["aside-8"]);
  assert.deepEqual(deleted([aside(8), ...nights(9, 20)]), [], "no good one is newer");
  const unknown = { ...aside(8), group: null, type: "manual" as const };
  assert.deepEqual(
    deleted([...nights(0, 20), unknown]),
    ["aside-8"],
    "of no group, by any good one",
  );
});

test("no more than two that failed their verification are kept, also while nothing else may go", () => {
  const aside = [1, 2, 3, 4].map((days) =>
    backup(days, { id: `aside-${days}`, state: "damaged-folder" }),
  );
  assert.deepEqual(deleted([...aside, ...nights(0, 20)]), ["aside-3", "aside-4"]);
  assert.deepEqual(deleted([...aside, ...nights(9, 60)]), ["aside-3", "aside-4"]);
  assert.deepEqual(deleted(aside), ["aside-3", "aside-4"]);
});

test("when the newest good backup is older than 7 days nothing goes, and an alert says so", () => {
  const items = nights(8, 200);
  assert.deepEqual(deleted(items), []);
  assert.deepEqual(alerts(items), ["backups-stale"]);
  assert.match(
    decide(items, "2026-10-13").reason,
    /^kept: nothing is deleted while the newest good backup/,
  );
  assert.deepEqual(alerts(nights(7, 200), NOW - 600_000), [], "seven days are still right");
});

test("a young pre-restore or damaged backup does not hide that good ones are missing", () => {
  const others = [
    backup(0, { id: "pre", type: "pre-restore" }),
    backup(1, { id: "bad", state: "damaged" }),
    backup(2, { id: "new", state: "unverified" }),
  ];
  assert.deepEqual(alerts([...others, ...nights(8, 60)]), ["backups-stale"]);
});

test("after a fall of the documents by more than half nothing goes for as long as a full one is a daily", () => {
  const shrunk = (since: number, documents: number) =>
    nights(0, 200).map((item, n) => (n <= since ? { ...item, documents } : item));
  for (const since of [0, 15, 28]) {
    assert.deepEqual(deleted(shrunk(since, 499)), [], `${since} nights after`);
    assert.deepEqual(alerts(shrunk(since, 499)), ["documents-fell"]);
  }
  assert.deepEqual(alerts(shrunk(29, 499)), [], "then the small one is what there is");
  assert.deepEqual(alerts(shrunk(3, 500)), [], "half is not more than half");
});

test("each group is judged for itself", () => {
  const other = nights(8, 60).map((item) => ({
    ...item,
    id: `b-${item.id}`,
    group: "rs1",
    documents: 5,
  }));
  const items = [...nights(0, 60), ...other];
  const { alerts: found } = planRetention(items, NOW, POLICY, "UTC");
  assert.deepEqual(
    found.map(({ group, code }) => [group, code]),
    [["rs1", "backups-stale"]],
  );
  assert.deepEqual(deleted(items), deleted(nights(0, 60)));
});

test("a clock that jumps ahead, for a run or for three weeks, deletes nothing more than a right one", () => {
  for (const days of [2, 7, 40, 400, 4000]) {
    for (const runs of [1, 3, 21]) {
      const ahead = Array.from({ length: runs }, (_, n) => backup(-days - n, { id: `ahead-${n}` }));
      const right = Array.from({ length: runs }, (_, n) => backup(-n - 1, { id: `right-${n}` }));
      const gone = deleted([...ahead, ...nights(0, 399)], NOW + (days + runs - 1) * DAY);
      const rightly = deleted([...right, ...nights(0, 399)], NOW + runs * DAY);
      for (const id of gone) assert.ok(rightly.includes(id), `${id}, ${days} days, ${runs} runs`);
    }
  }
});

test("a clock that stays ahead for months leaves the weekly and monthly ones until others stand in", () => {
  const ahead = Array.from({ length: 60 }, (_, n) => backup(-4000 - n, { id: `ahead-${n}` }));
  const gone = deleted([...ahead, ...nights(0, 399)], NOW + 4059 * DAY);
  for (const id of ["2026-11-15", "2026-11-22", "2026-03-01", "2026-11-01"]) {
    assert.ok(!gone.includes(id), id);
  }
});

test("dated in the future: kept, counts for nothing", () => {
  const future = Array.from({ length: 100 }, (_, n) =>
    backup(-1 - n, { id: `future-${n}`, documents: 1 }),
  );
  assert.deepEqual(deleted([...future, ...nights(0, 60)]), deleted(nights(0, 60)));
  assert.match(decide([...future, ...nights(0, 9)], "future-9").reason, /future/);
  assert.deepEqual(alerts([...future, ...nights(8, 60)]), ["backups-stale"]);
});

test("nights without a backup do not count towards the 30 days", () => {
  const items = [backup(0), ...nights(6, 100)];
  assert.equal(
    decide(items, "2026-10-21").reason,
    "kept: daily backup; days without a good backup do not count towards its 30 days",
  );
});

test("nothing at all is no plan", () => {
  assert.deepEqual(planRetention([], NOW, POLICY, "UTC"), { decisions: [], alerts: [] });
});

test("two backups of one id are a fault of the caller", () => {
  assert.throws(() => planRetention([backup(1), backup(1)], NOW, POLICY, "UTC"), /one id/);
});

test("the decisions come newest first", () => {
  const shuffled = [...nights(0, 9)].sort((a, b) => (a.id.slice(-1) < b.id.slice(-1) ? 1 : -1));
  const { decisions } = planRetention(shuffled, NOW, POLICY, "UTC");
  assert.deepEqual(
    decisions.map(({ id }) => id),
    nights(0, 9).map(({ id }) => id),
  );
});

const expiry = (items: RetentionItem[], id: string) => {
  const ms = decide(items, id).expiresAtMs;
  return ms === null ? null : new Date(ms).toISOString().slice(0, 10);
};

test("the date of deletion is shown where it is known", () => {
  const items = [
    ...nights(0, 200),
    backup(3, { id: "manual", type: "manual" }),
    backup(3, { id: "pre", type: "pre-restore" }),
    backup(3, { id: "aside", state: "damaged-folder" }),
    backup(3, { id: "bad", state: "damaged" }),
    backup(3, { id: "pinned", type: "pre-restore", pinned: "being restored" }),
    backup(-3, { id: "future" }),
  ];
  const dates = Object.fromEntries(items.slice(201).map(({ id }) => [id, expiry(items, id)]));
  const inAMonth = "2026-12-20";
  assert.deepEqual(dates, {
    manual: null,
    pre: inAMonth,
    aside: "2026-11-27",
    bad: inAMonth,
    pinned: null,
    future: null,
  });
  assert.equal(expiry(items, "2026-11-23"), "2026-12-23", "a Monday: the Sunday takes its place");
  assert.equal(expiry(items, "2026-11-22"), "2027-02-22", "a Sunday");
  assert.equal(expiry(items, "2026-11-01"), "2027-11-01", "a 1st");
});

test("the date can be told before the backup is made", () => {
  const next = backup(-1, { id: "next" });
  const at = planExpiry(next, nights(0, 60), NOW + DAY, POLICY, "UTC");
  assert.equal(at, next.createdAtMs + 30 * DAY);
  const manual = { ...next, type: "manual" as const };
  assert.equal(planExpiry(manual, nights(0, 60), NOW + DAY, POLICY, "UTC"), null);
});

/** Something else, made this very long before now. */
const aged = (ms: number, id: string, other: Partial<RetentionItem> = {}): RetentionItem =>
  backup(0, { id, createdAtMs: NOW - ms, ...other });

test("what is exactly as old as its period is too old for it, a millisecond less is not", () => {
  // Monday, the 30th night: neither a Sunday nor a 1st.
  const daily = { ...backup(30), createdAtMs: NOW - 30 * DAY };
  const others = nights(0, 100).filter(({ id }) => id !== daily.id);
  assert.equal(decide([...others, daily], daily.id).action, "delete");
  const younger = { ...daily, createdAtMs: daily.createdAtMs + 1 };
  assert.equal(
    decide([...others, younger], daily.id).reason,
    "kept: daily backup, younger than 30 days",
  );
  const kinds: readonly (readonly [number, Partial<RetentionItem>])[] = [
    [30, { type: "pre-restore" }],
    [7, { state: "damaged-folder" }],
  ];
  for (const [days, kind] of kinds) {
    assert.equal(decide([...others, aged(days * DAY, "x", kind)], "x").action, "delete");
    assert.equal(decide([...others, aged(days * DAY - 1, "x", kind)], "x").action, "keep");
  }
  // 23 August 2026 is a Sunday, three months before; 23 November 2025 is the first of its month that there is.
  const sunday = { ...backup(92), createdAtMs: Date.parse("2026-08-23T02:05:00Z") };
  const rest = nights(0, 366).filter(({ id }) => id !== sunday.id && !id.startsWith("2025-11"));
  assert.equal(decide([...rest, sunday], sunday.id).action, "delete");
  const late = { ...sunday, createdAtMs: sunday.createdAtMs + 1 };
  assert.match(decide([...rest, late], sunday.id).reason, /kept: weekly/);
  const first = { ...backup(365), createdAtMs: Date.parse("2025-11-23T02:05:00Z") };
  assert.match(decide([...rest, first], first.id).reason, /^deleted: monthly/);
  const after = { ...first, createdAtMs: first.createdAtMs + 1 };
  assert.match(decide([...rest, after], first.id).reason, /^kept: monthly/);
});

test("a backup of this very moment is there; seven days to the millisecond are not stale", () => {
  assert.equal(decide([aged(0, "now")], "now").action, "keep");
  assert.deepEqual(alerts([aged(7 * DAY, "a"), ...nights(9, 60)]), []);
  assert.deepEqual(alerts([aged(7 * DAY + 1, "a"), ...nights(9, 60)]), ["backups-stale"]);
  const { alerts: told } = planRetention([aged(9.5 * DAY, "a")], NOW, POLICY, "UTC");
  assert.deepEqual(told, [
    {
      group: "rs0",
      code: "backups-stale",
      message: "nothing deleted: the newest good backup, a, is 9 days old",
    },
  ]);
});

test("what is of no group raises no alert, and is kept by its own rules", () => {
  const alone = backup(20, { id: "alone", group: null });
  const plan = planRetention([alone], NOW, POLICY, "UTC");
  assert.deepEqual(plan.alerts, []);
  assert.equal(plan.decisions[0]?.action, "keep");
});

test("the largest of the last month is named where documents fell, the newest of the equally large", () => {
  const sizes = [10, 3000, 2000, 3000];
  const items = nights(0, 60).map((item, n) => ({ ...item, documents: sizes[n] ?? 1000 }));
  const [alert] = planRetention(items, NOW, POLICY, "UTC").alerts;
  const name = items[1]?.id;
  assert.equal(
    alert?.message,
    `nothing deleted: documents fell from 3000 in ${name} to 10 in 2026-11-23`,
  );
  // As old as the daily window, it counts no more.
  const large = aged(30 * DAY, "large", { documents: 9000 });
  assert.deepEqual(alerts([...nights(0, 29), large]), []);
  const others = backup(3, { id: "other", documents: 9000, group: null });
  const bad = backup(2, { id: "bad", state: "damaged-folder", group: null });
  assert.deepEqual(alerts([...nights(0, 20), others, bad]), []);
});

test("of one moment the later id is the newer one", () => {
  const [a, b] = [backup(0, { id: "a" }), backup(0, { id: "b" })];
  for (const items of [
    [a, b],
    [b, a],
  ]) {
    const { decisions } = planRetention(items, NOW, POLICY, "UTC");
    assert.deepEqual(
      decisions.map(({ id }) => id),
      ["b", "a"],
    );
  }
  const aside = (id: string) => backup(1, { id, state: "damaged-folder" });
  assert.deepEqual(deleted([aside("p"), aside("r"), aside("q")]), ["p"]);
});

test("dates from 1970 to the year 9999 are dates, all others are kept as they are, last", () => {
  const last = Date.UTC(10_000, 0) - 1;
  const odd = [-1, last + 1, 0.5, NaN, Infinity];
  const items = [
    ...odd.map((createdAtMs, n) => backup(0, { id: `odd-${n}`, createdAtMs })),
    ...[0, last].map((createdAtMs, n) => backup(0, { id: `date-${n}`, createdAtMs })),
    ...nights(0, 3),
  ];
  const { decisions } = planRetention(items, NOW, POLICY, "UTC");
  assert.deepEqual(
    decisions.slice(-odd.length).map(({ id, reason, expiresAtMs, action }) => [id, action, reason, expiresAtMs]), // prettier-ignore
    odd.map((_, n) => [`odd-${n}`, "keep", "kept: its date cannot be known", null]),
  );
  assert.match(decide(items, "date-1").reason, /dated in the future/);
  assert.doesNotMatch(decide(items, "date-0").reason, /cannot be known/);
});

test("what goes now is dated now; what no good one is newer than, or another builds on, has no date", () => {
  const items = [...nights(0, 60), backup(8, { id: "aside", state: "damaged-folder" })];
  assert.equal(decide(items, "aside").expiresAtMs, NOW);
  assert.equal(decide(items, "2026-10-13").expiresAtMs, NOW);
  const alone = [backup(1, { id: "aside", state: "damaged-folder" }), ...nights(2, 20)];
  assert.equal(decide(alone, "aside").expiresAtMs, null);
  const based = nights(0, 40).map((item) =>
    item.id === "2026-11-20" ? { ...item, parent: "2026-11-19" } : item,
  );
  const parent = decide(based, "2026-11-19");
  assert.equal(parent.reason, "kept: daily backup, younger than 30 days");
  assert.equal(parent.expiresAtMs, null);
  // What is deleted needs nothing.
  const both = nights(0, 60).map((item) =>
    item.id === "2026-10-14" ? { ...item, parent: "2026-10-13" } : item,
  );
  assert.deepEqual(
    ["2026-10-14", "2026-10-13"].map((id) => decide(both, id).action),
    ["delete", "delete"],
  );
});

test("the date is that of its longest tier: of this week only the Sunday stays weekly, of others the nearest", () => {
  const items = nights(0, 60).filter(({ id }) => id !== "2026-11-15");
  assert.equal(expiry(items, "2026-11-14"), "2027-02-14", "a Saturday in the Sunday's place");
  assert.equal(expiry(items, "2026-11-13"), "2026-12-15", "without the two days of the gap");
  const untilSaturday = items.filter(({ createdAtMs }) => createdAtMs < NOW - 2 * DAY);
  const saturday = Date.parse("2026-11-21T02:05:00Z");
  const thatDay = planRetention(untilSaturday, saturday, POLICY, "UTC").decisions;
  const newest = thatDay.find(({ id }) => id === "2026-11-20");
  assert.equal(newest?.expiresAtMs, Date.parse("2026-12-20T02:00:00Z"), "a Friday, for now");
  const sunday = planRetention(nights(1, 60), NOW - DAY, POLICY, "UTC").decisions;
  assert.equal(sunday[0]?.expiresAtMs, Date.parse("2027-02-22T02:00:00Z"), "a Sunday, this week");
  // Past its date, it stays for as long as nothing newer is good.
  assert.equal(decide([backup(40, { id: "last", state: "unverified" })], "last").expiresAtMs, null);
  assert.equal(decide(nights(5, 6).map((i) => ({ ...i, type: "pre-restore" as const })), "2026-11-18").expiresAtMs, Date.parse("2026-12-18T02:00:00Z")); // prettier-ignore
});

test("the moment of deletion is one at which it is old enough, also over summer time and short months", () => {
  for (const iso of [
    "2026-01-31T01:30:00Z",
    "2026-02-28T01:30:00Z",
    "2026-03-28T01:30:00Z",
    "2026-11-30T01:30:00Z",
  ]) {
    for (const zone of ["Europe/Berlin", "UTC", "America/New_York"]) {
      const item = backup(0, { id: "x", createdAtMs: Date.parse(iso) });
      const due = planExpiry(item, [], Date.parse(iso), POLICY, zone) ?? 0;
      const { monthly, weekly, daily } = POLICY;
      assert.ok([monthly, weekly, daily].some((period) => cutoffBefore(due, period, zone) >= item.createdAtMs), `${iso} ${zone}`); // prettier-ignore
    }
  }
});

test("the date is asked of the one that is meant, whatever others there are of its name", () => {
  const item = backup(0, { id: "same" });
  const old = backup(20, { id: "same" });
  assert.equal(
    planExpiry(item, [...nights(1, 30), old], NOW, POLICY, "UTC"),
    item.createdAtMs + 30 * DAY,
  );
});

test("a daily backup that is not verified says so; nothing newer that is good keeps what is old", () => {
  const doubt = backup(3, { id: "doubt", state: "unverified" });
  assert.equal(
    decide([...nights(0, 9), doubt], "doubt").reason,
    "kept: daily backup, younger than 30 days (unverified)",
  );
  const newest = backup(40, { id: "newest" });
  const older = backup(41, { id: "older", state: "unverified" });
  const newer = backup(39, { id: "newer", state: "unverified" });
  const items = [newest, older, newer];
  assert.equal(decide(items, "newest").reason, "kept: daily backup; days without a good backup do not count towards its 30 days"); // prettier-ignore
  const preRestore = backup(50, { id: "pre", type: "pre-restore" });
  assert.equal(decide([preRestore], "pre").reason, "kept: no good backup is newer");
});
