import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ByteCursor } from "./byte-cursor.ts";

/** Blocks, one each time that one is asked for, and never again once they ended. */
function source(blocks: readonly Buffer[]) {
  const seen = { asked: 0, returned: 0 };
  const iterator: AsyncIterator<Buffer> = {
    next: () => {
      assert.ok(seen.asked <= blocks.length, "asked again after the end");
      const value = blocks[seen.asked++];
      return Promise.resolve(value ? { done: false, value } : { done: true, value: undefined });
    },
    return: () => {
      seen.returned++;
      return Promise.resolve({ done: true, value: undefined });
    },
  };
  return { seen, iterator, blocks: { [Symbol.asyncIterator]: () => iterator } };
}

test("what is taken, in whatever pieces, is what came, in whatever blocks", async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(sizes, sizes, async (blockSizes, takeSizes) => {
      let at = 0;
      const next = () => at++ % 251;
      const blocks = blockSizes.map((n) => Buffer.from(Array.from({ length: n }, next)));
      const cursor = new ByteCursor(source(blocks).blocks);
      const all = Buffer.concat(blocks);
      let taken = 0;
      for (const size of takeSizes) {
        const there = await cursor.has(size);
        assert.equal(there, all.length - taken >= size);
        const piece = cursor.take(size);
        assert.deepEqual(piece, all.subarray(taken, taken + size));
        taken += piece.length;
        assert.equal(cursor.position, taken);
      }
    }),
  );
});

test("no more is read than is asked for, and what is buffered is not copied", async () => {
  const { seen, blocks } = source([Buffer.from("surg"), Buffer.from("ery")]);
  await using cursor = new ByteCursor(blocks);
  assert.equal(await cursor.has(0), true);
  assert.equal(seen.asked, 0);
  assert.equal(await cursor.has(4), true);
  assert.equal(seen.asked, 1);
  const { buffered } = cursor;
  assert.equal(await cursor.has(3), true);
  assert.equal(cursor.buffered, buffered);
  assert.equal(await cursor.has(8), false);
  assert.equal(await cursor.has(8), false, "and the source is not asked again");
  assert.equal(cursor.take(9).toString(), "surgery");
});

test("who leaves early lets the source go, where it can be told", async () => {
  const one = source([Buffer.from("surg")]);
  await new ByteCursor(one.blocks)[Symbol.asyncDispose]();
  assert.equal(one.seen.returned, 1);
  const next = () => one.iterator.next();
  const silent: AsyncIterable<Buffer> = { [Symbol.asyncIterator]: () => ({ next }) };
  await new ByteCursor(silent)[Symbol.asyncDispose]();
});
