// Preloaded into mongokeep by a test (`--import`): counts what is flushed to disk, and how many files are open, and
// writes it to FLUSHES_TOLD at the end.
import fs from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const told = process.env.FLUSHES_TOLD ?? "/dev/null";
let flushes = 0;

const { fsync, fdatasync } = fs;
fs.fsync = ((file, done) => {
  flushes++;
  fsync(file, done);
}) as typeof fs.fsync;
fs.fdatasync = ((file, done) => {
  flushes++;
  fdatasync(file, done);
}) as typeof fs.fdatasync;

const probe = await open(fileURLToPath(import.meta.url));
const prototype = Object.getPrototypeOf(probe) as FileHandle;
await probe.close();
for (const name of ["sync", "datasync"] as const) {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with `apply` below
  const own = prototype[name];
  prototype[name] = async function (this: FileHandle) {
    flushes++;
    await own.apply(this);
  };
}

process.on("exit", () => {
  fs.writeFileSync(told, String(flushes));
});
