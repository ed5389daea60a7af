import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { BSON } from "mongodb";
import { compactBatch, parseCursorReply } from "./batch.ts";

const documents = fc.array(fc.record({ _id: fc.integer(), s: fc.string(), d: fc.double() }), {
  maxLength: 300,
});

const replyOf = (batch: unknown[], id = 7n) =>
  Buffer.from(
    BSON.serialize({
      cursor: { firstBatch: batch, id: BSON.Long.fromBigInt(id), ns: "a.b" },
      ok: 1,
    }),
  );

test("a compacted batch is exactly its documents back to back", () => {
  fc.assert(
    fc.property(documents, fc.integer({ min: 1, max: 5_000 }), (docs, pieceBytes) => {
      const reply = replyOf(docs);
      const { batchAt, ok, cursorId } = parseCursorReply(reply, 0);
      assert.ok(ok);
      assert.equal(cursorId, 7n);
      const { documents: count, cuts } = compactBatch(reply, batchAt, pieceBytes);
      assert.equal(count, docs.length);
      const expected = Buffer.concat(docs.map((d) => BSON.serialize(d)));
      assert.deepEqual(reply.subarray(batchAt, batchAt + (cuts.at(-1) ?? 0)), expected);
    }),
  );
});

test("every piece holds whole documents, and all but the last are long enough", () => {
  fc.assert(
    fc.property(documents, fc.integer({ min: 1, max: 2_000 }), (docs, pieceBytes) => {
      const reply = replyOf(docs);
      const { batchAt } = parseCursorReply(reply, 0);
      const { cuts } = compactBatch(reply, batchAt, pieceBytes);
      let start = 0;
      for (const [i, end] of cuts.entries()) {
        if (i < cuts.length - 1) assert.ok(end - start >= pieceBytes);
        let at = start;
        while (at < end) at += reply.readInt32LE(batchAt + at);
        assert.equal(at, end);
        start = end;
      }
    }),
  );
});

test("a failed command's reply gives its code and message", () => {
  const reply = Buffer.from(BSON.serialize({ ok: 0, code: 13, errmsg: "not authorized" }));
  const parsed = parseCursorReply(reply, 0);
  assert.deepEqual([parsed.ok, parsed.code, parsed.errmsg], [false, 13, "not authorized"]);
});

test("a reply's numbers may have any type, and a missing cursor is reported", () => {
  const parse = (reply: object) => parseCursorReply(Buffer.from(BSON.serialize(reply)), 0);
  for (const code of [13, new BSON.Double(13), BSON.Long.fromNumber(13)])
    assert.equal(parse({ ok: new BSON.Double(0), code }).code, 13);
  assert.deepEqual([parse({}).ok, parse({}).code], [false, 0]);
  for (const reply of [{ ok: 1 }, { ok: 1, cursor: 5 }, { ok: BSON.Long.fromNumber(1) }])
    assert.equal(parse(reply).errmsg, "the reply has no cursor");
  const bare = parse({ ok: 1, cursor: { ns: "a.b" } });
  assert.deepEqual([bare.ok, bare.cursorId, bare.batchAt], [true, 0n, -1]);
  assert.equal(parse({ ok: 1, cursor: { nextBatch: 5 } }).batchAt, -1);
  const next = parse({ ok: 1, cursor: { id: BSON.Long.ZERO, nextBatch: [] } });
  assert.deepEqual([next.cursorId, next.batchAt > 0], [0n, true]);
});
