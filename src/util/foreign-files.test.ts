import assert from "node:assert/strict";
import { test } from "node:test";
import { isForeignFolder, isForeignName } from "./foreign-files.ts";

test("what desktops, file servers, editors and file systems leave behind is foreign", () => {
  for (const name of [
    ...[
      ".DS_Store",
      "._patients.bson.gz",
      "._.DS_Store",
      ".Trashes",
      ".Spotlight-V100",
      "__MACOSX",
    ],
    ...["Thumbs.db", "THUMBS.DB", "desktop.ini", "$RECYCLE.BIN", "System Volume Information"],
    ...[
      "@eaDir",
      "#recycle",
      "@Recycle",
      ".@__thumb",
      "patients.bson.gz@SynoEAStream",
      ".snapshot",
    ],
    ...[
      ".nfs000000000004a1b200000001",
      ".fuse_hidden0000001200000003",
      "lost+found",
      ".Trash-1000",
    ],
    ...[
      ".~lock.patients.bson#",
      ".patients.bson.gz.swp",
      "manifest.json.swp",
      "manifest.json~",
      ".directory",
    ],
  ])
    assert.ok(isForeignName(name), name);
});

test("nothing that a dump may have written is foreign", () => {
  for (const name of [
    ...[
      "patients.bson",
      "patients.bson.gz",
      "patients.metadata.json.gz",
      "x.ejson.zst",
      "oplog.bson",
    ],
    ...[
      "manifest.json",
      "verification.json",
      "Thumbs.db.bson",
      "%40eaDir.bson.gz",
      "a (copy).bson.gz",
    ],
    ...[
      "surg",
      "eaDir",
      "nfs",
      "notes.txt",
      "$admin.system.users.bson",
      ".hidden.bson.gz",
      ".x.metadata.json",
    ],
  ])
    assert.ok(!isForeignName(name), name);
  for (const name of ["surg", "surg~", "a.swp", "eaDir"]) assert.ok(!isForeignFolder(name), name);
  for (const name of ["@eaDir", ".snapshot", "lost+found", "#recycle"])
    assert.ok(isForeignFolder(name), name);
});
