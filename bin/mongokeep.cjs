#!/usr/bin/env -S node --
// The command. Plain old syntax, so that a Node that is too old still gets as far as saying so.
"use strict";

var version = process.versions.node.split(".");
var major = Number(version[0]);
var minor = Number(version[1]);

if (major < 22 || (major === 22 && minor < 15)) {
  console.error(
    "mongokeep needs Node 22.15 or later, and this is Node " +
      process.versions.node +
      " (" +
      process.execPath +
      ")",
  );
  process.exitCode = 2;
} else {
  var nodeModule = require("node:module");
  // Compiled code is kept in Node's own cache: a third of the start-up time.
  if (nodeModule.enableCompileCache) nodeModule.enableCompileCache();
  // It reads process.argv, and ends the process.
  import("../dist/cli/main.js");
}
