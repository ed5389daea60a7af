import assert from "node:assert/strict";
import { test } from "node:test";
import { limitInWarnings, limitOfProcess } from "./open-files.ts";

const LOW =
  '{"t":{"$date":"2026-11-26T04:34:25.399+00:00"},"s":"W",  "c":"CONTROL",  "id":22184,   "ctx":"initandlisten","msg":"Soft rlimits for open file descriptors too low","attr":{"currentValue":3000,"recommendedMinimum":64000},"tags":["startupWarnings"]}\n';
const OTHER =
  '{"t":{"$date":"2026-11-26T04:34:24.697+00:00"},"s":"I",  "c":"STORAGE",  "id":22297,   "ctx":"initandlisten","msg":"Using the XFS filesystem is strongly recommended with the WiredTiger storage engine. See http://dochub.mongodb.org/core/prodnotes-filesystem","tags":["startupWarnings"]}\n';

test("a server that may open few files has said so at its start, and one that has not may open 64,000", () => {
  assert.deepEqual(limitInWarnings([OTHER, LOW]), { files: 3_000, isExact: true });
  assert.deepEqual(limitInWarnings([OTHER]), { files: 64_000, isExact: false });
  assert.deepEqual(limitInWarnings([]), { files: 64_000, isExact: false });
  const old =
    "2020-01-01T00:00:00.000+0000 I CONTROL  [initandlisten] ** WARNING: soft rlimits too low.";
  assert.equal(limitInWarnings([old]), null, "servers before 4.4 say it in other words");
});

const fields = (startTicks: number) =>
  ["S", "1", ...Array.from({ length: 17 }, () => "0"), startTicks, "99"].join(" ");
const texts = {
  stat: `4711 (mongod) ${fields(500_000)}`,
  limits: "Limit                     Soft Limit           Hard Limit           Units\nMax open files            3000                 524288               files     \n", // prettier-ignore
  uptime: "6000.00 11000.00",
};
const server = { pid: 4711, uptimeMs: 1_001_000 };

test("the limit of the server's own process is the soft one, and no other process is taken for it", () => {
  assert.deepEqual(limitOfProcess(texts, server), { files: 3_000, isExact: true });
  assert.equal(limitOfProcess({ ...texts, stat: `4711 (node) ${fields(500_000)}` }, server), null);
  assert.equal(
    limitOfProcess({ ...texts, stat: `4711 (mongod) ${fields(400_000)}` }, server),
    null,
  );
  assert.equal(limitOfProcess({ ...texts, stat: "" }, server), null);
  assert.equal(limitOfProcess({ ...texts, limits: "" }, server), null);
  const unlimited = texts.limits.replaceAll("3000", "unlimited");
  assert.equal(limitOfProcess({ ...texts, limits: unlimited }, server), null);
});
