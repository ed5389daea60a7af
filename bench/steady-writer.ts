// Small writes at a steady rate, in a process of their own: within the bench's they would wait for the dump, and it for
// them; as fast as they go they would be more where a dump leaves them more of the machine.
//   node bench/steady-writer.ts <uri> <database> [writes a second]      until its standard input ends; prints how many
import { setTimeout as sleep } from "node:timers/promises";
import { MongoClient } from "mongodb";

const WRITES_AT_ONCE = 8;
const [uri = "", database = "", rate = "600"] = process.argv.slice(2);

await using client = new MongoClient(uri);
const collection = client.db(database).collection("busy");
let stopped = false;
let written = 0;
process.stdin.once("end", () => (stopped = true)).resume();

const begun = performance.now();
const writers = Array.from({ length: WRITES_AT_ONCE }, async () => {
  while (!stopped) {
    const number = written++;
    await sleep(Math.max(0, begun + (number * 1_000) / Number(rate) - performance.now()));
    await collection.insertOne({ written: number, text: "x".repeat(200) });
  }
});
await Promise.all(writers);
await client.db(database).dropDatabase();
process.stdout.write(`${written}\n`);
