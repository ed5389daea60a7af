import assert from "node:assert/strict";
import { test } from "node:test";
import { BSON } from "mongodb";
import { expiredQuery } from "./expired.ts";

const NOW = Date.UTC(2026, 10, 23);
const ago = (seconds: number) => new Date(NOW - seconds * 1_000);

function found(made: { options?: object; indexes?: object[] }, documents: readonly object[]) {
  const query = expiredQuery(
    {
      ...{ collectionName: "a", type: "collection", uuid: null },
      options: BSON.serialize(made.options ?? {}),
      indexes: (made.indexes ?? []).map((one) => BSON.serialize(one)),
    },
    NOW,
  );
  if (query === null || query === "unknown") return query;
  return documents.map((one) => query(Buffer.from(BSON.serialize(one)), 0));
}

const ttl = (more: object = {}) => ({
  ...{ v: 2, key: { at: 1 }, name: "at_1", expireAfterSeconds: 60, ...more },
});

test("documents older than the expiry of an index have expired, by the server's rules", () => {
  const documents = [
    { at: ago(61) },
    { at: ago(59) },
    // The earliest of several counts; what is no date never expires.
    { at: [ago(1), ago(100)] },
    { at: "2001-01-01" },
    { at: 0 },
    {},
  ];
  const expected = [true, false, true, false, false, false];
  assert.deepEqual(found({ indexes: [{ key: { _id: 1 }, name: "_id_" }, ttl()] }, documents), expected); // prettier-ignore
  assert.deepEqual(found({ indexes: [ttl({ key: { "a.b": -1 } })] }, [{ a: { b: ago(61) } }]), [
    true,
  ]);
  assert.deepEqual(
    found({ indexes: [ttl({ expireAfterSeconds: BSON.Long.fromNumber(60) })] }, documents),
    expected,
  );
});

test("without an expiry, or with one that the server takes no notice of, nothing expires", () => {
  assert.equal(found({ indexes: [{ key: { at: 1 }, name: "at_1" }] }, []), null);
  assert.equal(found({ indexes: [ttl({ key: { at: 1, b: 1 } })] }, []), null);
});

test("a partial index expires only what it holds; what only the server can tell is not guessed", () => {
  const partial = (filter: object) => ({ indexes: [ttl({ partialFilterExpression: filter })] });
  const documents = [{ at: ago(61), open: true }, { at: ago(61) }];
  assert.deepEqual(found(partial({ open: true }), documents), [true, false]);
  assert.equal(found(partial({ $text: { $search: "a" } }), documents), "unknown");
  assert.equal(found({ indexes: [ttl({ expireAfterSeconds: NaN })] }, documents), "unknown");
});

test("a clustered collection expires by its _id, a time series by whole buckets", () => {
  assert.deepEqual(
    found({ options: { expireAfterSeconds: 60 } }, [{ _id: ago(61) }, { _id: ago(1) }]),
    [true, false],
  );
  const bucket = (seconds: number) => ({ control: { version: 1, min: { at: ago(seconds) } } });
  const timeseries = { timeField: "at", granularity: "seconds" };
  const options = { expireAfterSeconds: 60, timeseries };
  assert.deepEqual(found({ options }, [bucket(3_661), bucket(3_659)]), [true, false]);
});
