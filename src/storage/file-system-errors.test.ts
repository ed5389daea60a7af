// What is thrown becomes an error that says who has to do something.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmdirSync } from "node:fs";
import { connect } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { KeepError, toKeepError } from "../errors.ts";

const caught = (act: () => unknown): unknown => {
  try {
    act();
  } catch (error) {
    return error;
  }
  throw new Error("it did not throw");
};

test("what the file system refuses is no fault of mongokeep, and names the file", () => {
  const folder = mkdtempSync(join(tmpdir(), "mongokeep-test-"));
  const error = toKeepError(caught(() => readFileSync(folder)));
  rmdirSync(folder);
  assert.equal(error.code, "failed");
  assert.match(error.message, /the file system refuses: EISDIR/);
});

test("a disk that is full or fails says what to do", () => {
  const of = (code: string) =>
    toKeepError(Object.assign(new Error(`${code}: no, write`), { code, syscall: "write" }));
  assert.deepEqual([of("ENOSPC").code, of("ENOSPC").exitCode], ["disk-full", 5]);
  assert.match(of("EIO").hint, /dmesg/);
});

test("a socket's failure is not the disk's, and a fault of ours stays one", async () => {
  const socket = connect({ host: "127.0.0.1", port: 1 });
  const [refused] = (await once(socket, "error").catch((error: unknown) => [error])) as [unknown];
  assert.equal(toKeepError(refused).code, "unreachable");
  const reset = Object.assign(new Error("read ECONNRESET"), {
    code: "ECONNRESET",
    syscall: "read",
  });
  assert.equal(toKeepError(reset).code, "unreachable");
  assert.equal(toKeepError(new TypeError("x is not a function")).code, "internal");
  const own = new KeepError("locked", "a run goes on");
  assert.equal(toKeepError(own), own);
});
