// What the operating system answers, over the calls that it answers: each has its code and says what to do.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { toKeepError } from "../errors.ts";
import type { ErrorCode } from "../errors.ts";

/** As Node words it: of files `CODE: words, call 'path'`, of everything else `call CODE …`. */
function systemError(code: string, syscall: string, path?: string): Error {
  const ofFiles = `${code}: words of the system, ${syscall}${path === undefined ? "" : ` '${path}'`}`;
  const isSocket = /^(connect|spawn|getaddrinfo|querySrv)/.test(syscall);
  const message = isSocket ? `${syscall} ${code} something` : ofFiles;
  return Object.assign(new Error(message), { code, syscall, ...(path !== undefined && { path }) });
}

const CALLS = ["open", "read", "write", "fsync", "stat", "lstat", "rename", "mkdir", "rm", "access", "statfs", "utime", "symlink", "realpath", "copyfile", "ftruncate"]; // prettier-ignore

const OF_FILES: Readonly<Record<string, readonly [ErrorCode, RegExp]>> = {
  ENOSPC: ["disk-full", /Free disk space/],
  EDQUOT: ["disk-full", /Free disk space/],
  EMFILE: ["too-many-files", /ulimit/],
  ENFILE: ["too-many-files", /./],
  ENOMEM: ["failed", /memory/],
  EROFS: ["failed", /read-only/],
  EIO: ["failed", /dmesg/],
  ESTALE: ["failed", /network share/],
  ETIMEDOUT: ["failed", /network share/],
  EHOSTDOWN: ["failed", /network share/],
  ENOTCONN: ["failed", /network share/],
  EFBIG: ["failed", /ulimit -f/],
  EACCES: ["failed", /right/],
  EPERM: ["failed", /right/],
  ENOENT: ["failed", /./],
  ENAMETOOLONG: ["failed", /./],
  ELOOP: ["failed", /./],
  EBUSY: ["failed", /./],
  EBADF: ["internal", /fault in mongokeep/],
};

for (const [code, [expected, hint]] of Object.entries(OF_FILES)) {
  test(`${code} of any call on files is ${expected}`, () => {
    for (const syscall of CALLS) {
      const known = toKeepError(systemError(code, syscall, "/srv/backups/x"));
      assert.equal(known.code, expected, syscall);
      assert.match(known.hint, hint);
    }
  });
}

for (const [code, syscall, expected, hint] of [
  ["ENOENT", "mkdtemp", "temp-folder", /TMPDIR/],
  ["EACCES", "mkdtemp", "temp-folder", /TMPDIR/],
  ["EROFS", "mkdtemp", "temp-folder", /TMPDIR/],
  ["ENOSPC", "mkdtemp", "disk-full", /TMPDIR/],
  ["ETIMEDOUT", "connect", "unreachable", /MongoDB/],
  ["ECONNREFUSED", "connect", "unreachable", /MongoDB/],
  ["EAI_AGAIN", "getaddrinfo", "unreachable", /MongoDB/],
  ["EMFILE", "connect", "too-many-files", /ulimit/],
  ["EACCES", "spawn /x", "failed", /./],
  ["E2BIG", "spawn /x", "failed", /./],
  ["EAGAIN", "spawn /x", "failed", /processes/],
  ["EMFILE", "spawn /x", "too-many-files", /ulimit/],
] as const) {
  test(`${syscall} ${code} is ${expected}`, () => {
    const known = toKeepError(systemError(code, syscall, "/tmp/mongokeep-XXXXXX"));
    assert.equal(known.code, expected);
    assert.match(known.hint, hint);
  });
}

test("Node words its errors as this test does", async () => {
  const file = await readFile("/nowhere/at/all").catch((error: unknown) => error as Error);
  assert.match(String(file), /^Error: ENOENT: .*, open '\/nowhere\/at\/all'$/);
  assert.match(String(spawnSync("/nowhere/at/all").error), /^Error: spawnSync .* ENOENT$/);
});

test("what the system had no part in is a fault of ours", () => {
  for (const thrown of [new TypeError("x is not a function"), new RangeError("bad"), "text", null])
    assert.equal(toKeepError(thrown).code, "internal");
});
