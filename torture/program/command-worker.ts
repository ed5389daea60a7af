// Runs command lines one after the other, in a process that can be killed if one of them hangs. A line of stdin:
// {"argv", "envFile"}; a line of stdout: the outcome (Said).
import { createInterface } from "node:readline";
import { runInProcess } from "./in-process.ts";

interface Order {
  readonly argv: readonly string[];
  readonly envFile: string;
}

for await (const line of createInterface({ input: process.stdin })) {
  const { argv, envFile } = JSON.parse(line) as Order;
  const said = await runInProcess(argv, envFile);
  process.stdout.write(`${JSON.stringify(said)}\n`);
}
