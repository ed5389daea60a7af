import assert from "node:assert/strict";
import { test } from "node:test";
import type { MemberState, SetView } from "../../mongo/members.ts";
import { replicaSet } from "./server.ts";

const member = (role: MemberState["role"], behind = 0): MemberState => ({
  ...{ host: "db1:27017", role, delaySeconds: 0, clockMs: 0 },
  applied: { t: 10_000, i: 1 },
  readable: { t: 10_000 - behind, i: 1 },
});

const view = (asked: MemberState, changes: Partial<SetView> = {}): SetView => ({
  ...{ asked, others: [], silent: [], reported: [], gossip: null, primary: "answered" },
  ...changes,
});

const obstacle = (code: "no-majority" | "not-primary") => ({ code, message: "why", hint: "what" });

test("doctor says of a replica set what a backup of it will be", () => {
  const said = (...args: Parameters<typeof replicaSet>) => {
    const { state, message } = replicaSet(...args);
    return `${state}: ${message}`;
  };
  const primary = member("primary");
  assert.match(said("rs0", view(primary), null, false), /^ok: .*a backup is one instant$/);
  const behind = view(member("primary", 7_200));
  assert.match(said("rs0", behind, null, false), /^warn: .*last 7200 s.*not one instant$/);
  const secondary = view(member("secondary"));
  const direct = said("rs0", secondary, obstacle("not-primary"), true);
  assert.match(direct, /^warn: why: a backup is one instant of this member, and a restore is not/);
  const alone = view(member("secondary"), { primary: "unknown" });
  assert.match(said("rs0", alone, obstacle("no-majority"), true), /one instant of this member/);
  assert.match(said("rs0", alone, obstacle("no-majority"), false), /is not one instant/);
  assert.match(said("rs0", view(primary), obstacle("no-majority"), true), /is not one instant/);
  const silent = view(primary, { silent: ["db2:27017"] });
  assert.match(said("rs0", silent, null, false), /^warn: .*no answer from db2:27017/);
});
