#!/usr/bin/env -S node --
// The command. Plain old syntax, so that a Node that is too old still gets as far as saying so.
"use strict";

var version = process.versions.node.split(".");
var major = Number(version[0]);
var minor = Number(version[1]);

if (major < 22 || (major === 22 && minor < 15)) {
  tellTooOld(
    "mongokeep needs Node 22.15 or later, and this is Node " +
      process.versions.node +
      " (" +
      process.execPath +
      ")",
    "Install Node 22 or later (README, 'Node'), or name it: /path/to/node $(command -v mongokeep)",
  );
  process.exitCode = 2;
} else {
  keepCompiledCode(require("node:module"));
  widenThreadPool(require("node:fs"));
  // It reads process.argv, and ends the process.
  import("../dist/cli/main.js");
}

function tellTooOld(message, hint) {
  if (process.argv.indexOf("--json") > 0) {
    var error = { code: "unfit-node", message: message, hint: hint, labels: [], details: {} };
    console.log(JSON.stringify({ ok: false, error: error }));
  }
  console.error(message);
  console.error(hint);
}

// The disk flushes many small files together as soon as one of them, if they wait together. Read by Node when the pool
// starts, which is here; not for programs that we start.
function widenThreadPool(fs) {
  if (process.env.UV_THREADPOOL_SIZE) return;
  process.env.UV_THREADPOOL_SIZE = "16";
  fs.access(__filename, function () {});
  delete process.env.UV_THREADPOOL_SIZE;
}

// Compiled code is kept in Node's own cache: a third of the start-up time. Not where Node puts it, in a folder of
// everybody's under /tmp: who makes that first could let us run code of theirs.
function keepCompiledCode(nodeModule) {
  if (!nodeModule.enableCompileCache) return;
  if (process.env.NODE_COMPILE_CACHE) {
    nodeModule.enableCompileCache();
    return;
  }
  var umask = process.umask(63);
  try {
    var folder = privateFolder();
    if (folder) nodeModule.enableCompileCache(folder);
  } catch (error) {
    // Without a home that can be written to it starts slower.
  } finally {
    process.umask(umask);
  }
}

function privateFolder() {
  var fs = require("node:fs");
  var path = require("node:path");
  var cache = process.env.XDG_CACHE_HOME || path.join(require("node:os").homedir(), ".cache");
  if (!path.isAbsolute(cache)) return null;
  var folder = path.join(cache, "mongokeep", "compiled");
  fs.mkdirSync(folder, { recursive: true, mode: 448 });
  var found = fs.lstatSync(folder);
  var isOurs = !process.getuid || found.uid === process.getuid();
  return found.isDirectory() && isOurs && (found.mode & 18) === 0 ? folder : null;
}
