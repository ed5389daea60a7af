import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isDone, planClear, planPut, reversed } from "./swap-plan.ts";
import type { Move, Side, Standing, SwapItem } from "./swap-plan.ts";

const OLD: Side = { kind: "collection", uuid: "old", parked: "aside" };
const NEW: Side = { kind: "collection", uuid: "new", parked: "staged" };
const NONE: Side = { kind: "none" };
const VIEW: Side = { kind: "view", options: '{"viewOn":"a"}' };
const OTHER_VIEW: Side = { kind: "view", options: '{"viewOn":"b"}' };
const item = (old: Side, next: Side): SwapItem => ({ database: "d", name: "live", old, new: next });

/** A server of names, as far as moves change it. */
function apply(names: Map<string, Standing>, move: Move): void {
  if (move.kind === "rename" || move.kind === "intruder") {
    const to = move.kind === "rename" ? move.to : `intruder-${names.size}`;
    const standing = names.get(move.from);
    assert.ok(standing, `${move.from} stands`);
    assert.ok(!names.has(to), `${to} is free`);
    names.delete(move.from);
    names.set(to, standing);
  } else if (move.kind === "drop-view") names.delete(move.name);
  else if (move.kind === "create-view") {
    assert.ok(!names.has(move.name));
    names.set(move.name, { kind: "view", options: move.options });
  } else assert.fail(`${move.kind} of ${move.name}`);
}

function before({ old, new: next }: SwapItem): Map<string, Standing> {
  const names = new Map<string, Standing>();
  if (old.kind !== "none") names.set("live", old);
  if (next.kind === "collection") names.set(next.parked, next);
  return names;
}

/** Carries out at most `most` moves, each planned by a new look. */
function carryOut(swap: SwapItem, names: Map<string, Standing>, most = 10): void {
  for (let n = 0; n < most; n++) {
    const [move] = [...planClear(swap, names), ...planPut(swap, names)];
    if (!move) return;
    apply(names, move);
  }
}

const uuidOf = (names: Map<string, Standing>, name: string) => {
  const standing = names.get(name);
  return standing?.kind === "collection" ? standing.uuid : (standing?.kind ?? null);
};

const sides = fc.constantFrom(OLD, NONE, VIEW);
const nexts = fc.constantFrom(NEW, NONE, OTHER_VIEW);

test("a swap that stops after any move can be carried out to its end, or undone, and nothing is lost", () => {
  fc.assert(
    fc.property(sides, nexts, fc.nat(4), fc.boolean(), (old, next, stop, forward) => {
      const swap = item(old, next);
      const names = before(swap);
      carryOut(swap, names, stop);
      const way = forward ? swap : reversed(swap);
      carryOut(way, names);
      assert.ok(isDone(way, names));
      const expected = way.new.kind === "collection" ? way.new.uuid : way.new.kind;
      assert.equal(uuidOf(names, "live"), expected === "none" ? null : expected);
      const uuids = [...names.values()].flatMap((s) => (s.kind === "collection" ? [s.uuid] : []));
      const all = [old, next].flatMap((s) => (s.kind === "collection" ? [s.uuid] : []));
      assert.deepEqual(uuids.sort(), all.sort(), "every collection still stands under some name");
    }),
  );
});

describe("what nobody planned", () => {
  test("a collection that took the free name is set aside, not dropped", () => {
    const names = before(item(OLD, NEW));
    apply(names, { kind: "rename", from: "live", to: "aside" });
    names.set("live", { kind: "collection", uuid: "stranger" });
    assert.deepEqual(planClear(item(OLD, NEW), names), [{ kind: "intruder", from: "live" }]);
    carryOut(item(OLD, NEW), names);
    assert.equal(uuidOf(names, "live"), "new");
    assert.ok([...names.values()].some((s) => s.kind === "collection" && s.uuid === "stranger"));
  });

  test("a time series that took the name stops the swap: it cannot be renamed", () => {
    const names = new Map<string, Standing>([["live", { kind: "timeseries" }]]);
    assert.deepEqual(planClear(item(NONE, NEW), names), [{ kind: "blocked", name: "live" }]);
  });

  test("a staged collection that is gone is an error, and never an empty name", () => {
    const names = new Map<string, Standing>();
    assert.deepEqual(planPut(item(OLD, NEW), names), [{ kind: "lost", name: "live", uuid: "new" }]);
  });
});
