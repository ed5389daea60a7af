import assert from "node:assert/strict";
import { test } from "node:test";
import { localDay } from "./calendar.ts";
import type { RetentionItem } from "./item.ts";
import { lastOfEachDay, monthlyPlaces, weeklyPlaces } from "./places.ts";

const dated = (iso: string, id = iso) => {
  const createdAtMs = Date.parse(iso);
  const item: RetentionItem = {
    ...{ id, createdAtMs, type: "automatic", state: "good", group: "rs0" },
    ...{ documents: 1, pinned: null, parent: null },
  };
  return { item, day: localDay(createdAtMs, "UTC") };
};

const idsOf = (days: readonly { readonly item: RetentionItem }[]) =>
  days.map(({ item }) => item.id);

test("of each day the last one counts, by its moment and then by its id, newest day first", () => {
  const early = dated("2026-11-21T02:00:00Z", "z-early");
  const late = dated("2026-11-21T03:00:00Z", "a-late");
  const [one, two] = [dated("2026-11-22T02:00:00Z", "1"), dated("2026-11-22T02:00:00Z", "2")];
  const first = dated("2026-11-20T02:00:00Z", "first");
  for (const goods of [
    [first, early, late, one, two],
    [two, one, late, early, first],
    [late, two, first, one, early],
  ])
    assert.deepEqual(idsOf(lastOfEachDay(goods)), ["2", "a-late", "first"]);
});

test("a week is filled by its Sunday or the nearest before, a month by its 1st or the nearest after", () => {
  const days = lastOfEachDay(
    ["2026-11-22", "2026-11-20", "2026-11-13", "2026-11-12", "2026-11-03", "2026-11-02", "2026-10-02", "2026-10-01"].map((date) => dated(`${date}T02:00:00Z`, date)), // prettier-ignore
  );
  assert.deepEqual(
    [...weeklyPlaces(days)],
    [
      ["2026-11-22", { name: "week 2026-W47 (Sunday)", newer: 0 }],
      ["2026-11-13", { name: "week 2026-W46 (Friday, its nearest good one to Sunday)", newer: 1 }],
      ["2026-11-03", { name: "week 2026-W45 (Tuesday, its nearest good one to Sunday)", newer: 2 }],
      ["2026-10-02", { name: "week 2026-W40 (Friday, its nearest good one to Sunday)", newer: 3 }],
    ],
  );
  assert.deepEqual(
    [...monthlyPlaces(days)],
    [
      ["2026-11-02", { name: "month 2026-11 (day 2, its nearest good one to the 1st)", newer: 0 }],
      ["2026-10-01", { name: "month 2026-10 (the 1st)", newer: 1 }],
    ],
  );
});

test("each day of the week is called by its name", () => {
  const names = ["16", "17", "18", "19", "20", "21"].map((day) => {
    const [place] = weeklyPlaces([dated(`2026-11-${day}T02:00:00Z`)]).values();
    return /\((\w+),/.exec(place?.name ?? "")?.[1];
  });
  assert.deepEqual(names, ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]);
});
