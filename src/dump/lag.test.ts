import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { MemberState, SetView } from "../mongo/members.ts";
import { assertFresh, describeLag, factsOfLag, measureLag } from "./lag.ts";

const NOW = 1_795_000_000;
const time = (secondsAgo: number) => ({ t: NOW - secondsAgo, i: 1 });

/** A member whose newest write is so old, and whose clock is so far off. */
function member(role: MemberState["role"], age: number, clockOff = 0): MemberState {
  return {
    ...{ host: `${role}:27017`, role, applied: time(age), readable: time(age), delaySeconds: 0 },
    clockMs: (NOW + clockOff) * 1_000,
  };
}

function view(asked: MemberState, change: Partial<SetView> = {}): SetView {
  const primary = asked.role === "primary" ? "answered" : "unknown";
  return { asked, others: [], silent: [], reported: [], gossip: null, primary, ...change };
}

const lagOf = (age: number, seen: SetView) => measureLag(time(age), seen, NOW * 1_000);

test("an idle primary is never behind, however long ago it wrote, whatever the clocks and the gossip say", () => {
  const ages = fc.integer({ min: -100_000, max: 10_000_000 });
  fc.assert(
    fc.property(ages, ages, ages, (age, clockOff, ahead) => {
      const seen = view(member("primary", age, clockOff), { gossip: time(-Math.abs(ahead)) });
      const lag = lagOf(age, seen);
      assert.deepEqual([lag.seconds, lag.known], [0, "by the primary"]);
      assert.equal(describeLag(lag), null);
      assertFresh(lag, 1);
    }),
  );
});

test("a secondary is measured by the primary that answers, beside it or through it", () => {
  const others = [member("primary", 0)];
  const lag = lagOf(700, view(member("secondary", 700), { others, primary: "answered" }));
  assert.deepEqual([lag.seconds, lag.known], [700, "by the primary"]);
  assert.match(describeLag(lag) ?? "", /11 min 40 s behind the newest write/);
  assert.throws(() => { assertFresh(lag, 600_000); }, { code: "stale-member", exitCode: 1 }); // prettier-ignore
  assertFresh(lag, 700_000);
  assertFresh(lag, 0);
});

test("where the primary cannot be asked, what members tell of it counts, and not the clock", () => {
  const heard = { primary: "heard", gossip: time(5_000) } as const;
  const idle = lagOf(5_000, view(member("secondary", 5_000), heard));
  assert.deepEqual([idle.seconds, idle.known], [0, "by hearsay"]);
  for (const known of [{ gossip: time(0) }, { reported: [time(0), time(9_000)] }]) {
    const seen = view(member("secondary", 5_000), { ...heard, ...known });
    assert.equal(lagOf(5_000, seen).seconds, 5_000);
  }
});

test("without any primary the clock counts, of several the one that makes the data youngest", () => {
  const alone = lagOf(700, view(member("secondary", 700)));
  assert.deepEqual([alone.seconds, alone.known], [700, "by the clock"]);
  const skewed = lagOf(5, view(member("secondary", 5, 9_000)));
  assert.equal(skewed.seconds, 5);
  const others = [member("secondary", 5, -3)];
  assert.equal(lagOf(5, view(member("secondary", 5, 9_000), { others })).seconds, 2);
});

test("a member without a primary is a warning even while its data is young, and promises no figure", () => {
  const facts = factsOfLag(lagOf(1, view(member("secondary", 1))));
  assert.deepEqual(facts.consistency, {});
  assert.match(facts.warnings.join(), /no primary of the replica set answers/);
});

test("up to a minute is no news", () => {
  const others = [member("primary", 0)];
  const seen = (age: number) => view(member("secondary", age), { others, primary: "answered" });
  assert.deepEqual(factsOfLag(lagOf(60, seen(60))), {
    consistency: { lagSeconds: 60 },
    warnings: [],
  });
  assert.equal(factsOfLag(lagOf(61, seen(61))).warnings.length, 1);
  assert.deepEqual(factsOfLag(null), { consistency: {}, warnings: [] });
});
