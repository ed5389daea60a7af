// Transactions wait for their end, in memory or in a file, and nothing of an aborted one comes out.
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as BSON from "bson";
import type { TransactionPart } from "./operation.ts";
import { createSpillFile } from "./spill-file.ts";
import { Transactions } from "./transactions.ts";

const at = (i: number) => ({ t: 1, i });
const operation = (n: number) => Buffer.from(BSON.serialize({ n, text: "x".repeat(50) }));

function part(key: string, fields: Partial<TransactionPart> = {}): TransactionPart {
  return { key, partial: true, prepare: false, previous: null, count: null, ...fields };
}

async function numbersOf(operations: AsyncIterable<Buffer>): Promise<number[]> {
  const found: number[] = [];
  for await (const raw of operations) found.push(BSON.deserialize(raw).n as number);
  return found;
}

for (const mostHeldBytes of [1 << 20, 100, 0])
  test(`parts of several transactions come out whole and in order, ${mostHeldBytes} bytes in memory`, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), "mongokeep-test-"));
    t.after(() => rm(folder, { recursive: true }));
    await using spill = createSpillFile(folder);
    const transactions = new Transactions(spill, mostHeldBytes);
    await transactions.add(part("a"), at(1), [operation(1), operation(2)]);
    await transactions.add(part("b"), at(2), [operation(10)]);
    await transactions.add(part("a", { previous: at(1) }), at(3), [operation(3)]);
    await transactions.add(part("c"), at(4), [operation(20)]);
    await transactions.add(part("b", { previous: at(2), count: 2 }), at(5), [operation(11)]);
    assert.deepEqual(await readdir(folder), [], "the file has no name to be found by");
    assert.deepEqual(await numbersOf(transactions.commit("b", at(6))), [10, 11]);
    await transactions.abort("c");
    await transactions.abort("never seen");
    assert.deepEqual(await numbersOf(transactions.commit("a", at(7))), [1, 2, 3]);
    assert.equal(transactions.open, 0);
    await transactions.add(part("a"), at(8), [operation(4)]);
    assert.deepEqual(await numbersOf(transactions.commit("a", at(9))), [4]);
    await transactions.add(part("left open"), at(9), [operation(5)]);
    assert.equal(transactions.open, 1);
  });

test("a transaction with a missing part is damage, reported with its time", async () => {
  await using spill = createSpillFile(tmpdir());
  const transactions = new Transactions(spill);
  const damage = { code: "damaged", message: /Timestamp\(1, 9\)/ };
  const add = (fields: Partial<TransactionPart>) =>
    transactions.add(part("a", fields), at(9), [operation(1)]);
  await assert.rejects(add({ previous: at(3) }), damage);
  await assert.rejects(numbersOf(transactions.commit("a", at(9))), damage);
  await transactions.add(part("a"), at(1), [operation(1)]);
  await assert.rejects(add({}), damage, "begun twice");
  await assert.rejects(add({ previous: at(2) }), damage, "another part is the last");
  await assert.rejects(add({ previous: at(1), count: 7 }), damage);
});
