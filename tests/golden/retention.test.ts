// Policy and dates → decisions, as files that a person can read and disagree with.
// After a change on purpose: node --test --test-update-snapshots tests/golden/retention.test.ts
import { test } from "node:test";
import { join } from "node:path";
import type { RetentionItem } from "../../src/retention/item.ts";
import { planRetention } from "../../src/retention/plan.ts";
import { parsePeriod } from "../../src/retention/policy.ts";

const DAY = 86_400_000;

interface Scene {
  readonly name: string;
  readonly now: string;
  readonly zone: string;
  readonly policy?: readonly [string, string, string];
  readonly items: (now: number) => RetentionItem[];
}

/** A backup made so many days before now, with the clock's 24-hour days. */
function backup(now: number, daysAgo: number, other: Partial<RetentionItem> = {}): RetentionItem {
  const createdAtMs = now - 5 * 60_000 - daysAgo * DAY;
  const id = new Date(createdAtMs)
    .toISOString()
    .slice(0, 19)
    .replace("T", "_")
    .replaceAll(":", "-");
  return {
    id,
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

const nights = (now: number, from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, n) => backup(now, from + n));

const SCENES: readonly Scene[] = [
  {
    name: "every night for 400 days",
    now: "2026-11-23T02:05:00Z",
    zone: "UTC",
    items: (now) => nights(now, 0, 399),
  },
  {
    name: "missed, damaged and unverified Sundays and 1sts",
    now: "2026-11-23T02:05:00Z",
    zone: "UTC",
    items: (now) =>
      nights(now, 0, 120).flatMap((item, n): RetentionItem[] => {
        if ([36, 53, 84].includes(n)) return [];
        if (n === 43) return [{ ...item, state: "damaged" }];
        if (n === 50) return [{ ...item, state: "unverified" }];
        return [item];
      }),
  },
  {
    name: "clock 42 days ahead for one run",
    now: "2027-01-05T02:05:00Z",
    zone: "Europe/Berlin",
    items: (now) => [backup(now, 0), ...nights(now, 43, 160)],
  },
  {
    name: "clock 10 days behind",
    now: "2026-11-13T02:05:00Z",
    zone: "Europe/Berlin",
    items: (now) => [
      ...nights(now, -10, -1),
      backup(now, 0, { id: "made-now" }),
      ...nights(now, 1, 60),
    ],
  },
  {
    name: "the week in which summer time begins, New York",
    now: "2026-03-12T06:05:00Z",
    zone: "America/New_York",
    items: (now) => nights(now, 0, 45),
  },
  {
    name: "leap day",
    now: "2028-02-29T02:05:00Z",
    zone: "UTC",
    items: (now) => nights(now, 0, 380).filter((_, n) => n < 40 || n > 340),
  },
  {
    name: "2038",
    now: "2038-01-20T02:05:00Z",
    zone: "UTC",
    items: (now) => nights(now, 0, 110),
  },
  {
    name: "every kind of backup",
    now: "2026-11-23T02:05:00Z",
    zone: "UTC",
    items: (now) => [
      ...nights(now, 0, 36),
      backup(now, 200, { id: "manual-of-may", type: "manual" }),
      backup(now, 12, { id: "pre-restore-young", type: "pre-restore" }),
      backup(now, 33, { id: "pre-restore-old", type: "pre-restore" }),
      backup(now, 34, {
        id: "pre-restore-open",
        type: "pre-restore",
        pinned: "restore 2026-10-20 is unfinished",
      }),
      backup(now, 1, { id: "aside-1.damaged", state: "damaged-folder" }),
      backup(now, 8, { id: "aside-8.damaged", state: "damaged-folder" }),
      backup(now, 9, { id: "aside-9.damaged", state: "damaged-folder", group: null }),
      backup(now, 300, { id: "unreadable", state: "unreadable", group: null }),
      backup(now, 35, { id: "base", group: "rs0" }),
      backup(now, 2, { id: "child", parent: "base" }),
    ],
  },
  {
    name: "newest good backup of last week",
    now: "2026-11-23T02:05:00Z",
    zone: "UTC",
    items: (now) => nights(now, 8, 50),
  },
  {
    name: "documents fell by more than half",
    now: "2026-11-23T02:05:00Z",
    zone: "UTC",
    items: (now) =>
      nights(now, 0, 50).map((item, n) => (n < 3 ? { ...item, documents: 120 } : item)),
  },
  {
    name: "a shorter policy",
    now: "2026-11-23T02:05:00Z",
    zone: "Asia/Tokyo",
    policy: ["7d", "4w", "2mo"],
    items: (now) => nights(now, 0, 75),
  },
];

function render({ now, zone, policy = ["30d", "3mo", "1y"], items }: Scene): string {
  const nowMs = Date.parse(now);
  const [daily, weekly, monthly] = policy;
  const periods = {
    daily: parsePeriod(daily),
    weekly: parsePeriod(weekly),
    monthly: parsePeriod(monthly),
  };
  const given = items(nowMs);
  const { decisions, alerts } = planRetention(given, nowMs, periods, zone);
  const local = new Intl.DateTimeFormat("en-CA", { timeZone: zone, dateStyle: "short" });
  const weekday = new Intl.DateTimeFormat("en", { timeZone: zone, weekday: "short" });
  const lines = decisions.map(({ id, reason, expiresAtMs }) => {
    const made = given.find((item) => item.id === id)?.createdAtMs ?? 0;
    const until = expiresAtMs === null ? "-" : local.format(expiresAtMs);
    return `${weekday.format(made)} ${local.format(made)}  until ${until.padEnd(10)}  ${id}  ${reason}`;
  });
  const kept = decisions.filter(({ action }) => action === "keep").length;
  return [
    `now ${now} in ${zone}, policy ${policy.join(" ")}: ${kept} kept, ${decisions.length - kept} deleted`,
    ...alerts.map(({ group, code, message }) => `alert for ${group}, ${code}: ${message}`),
    ...lines,
    "",
  ].join("\n");
}

for (const scene of SCENES) {
  test(`retention as on file: ${scene.name}`, (t) => {
    const file = `retention-${scene.name.replaceAll(/[^a-z0-9]+/gi, "-")}.txt`;
    t.assert.fileSnapshot(render(scene), join(import.meta.dirname, file), {
      serializers: [(text: string) => text],
    });
  });
}
