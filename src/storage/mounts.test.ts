import assert from "node:assert/strict";
import { test } from "node:test";
import { missingMount, parseMountPoints } from "./mounts.ts";

test("a folder below a mount point of /etc/fstab with nothing mounted on it is told", () => {
  const wanted = ["/", "/mnt/backup"];
  assert.equal(missingMount("/mnt/backup/mongo", wanted, ["/", "/proc"]), "/mnt/backup");
  assert.equal(missingMount("/mnt/backup", wanted, ["/"]), "/mnt/backup");
  assert.equal(missingMount("/mnt/backup/mongo", wanted, ["/", "/mnt/backup"]), null);
});

test("what lies elsewhere, on a disk mounted by hand, or beside a name that only begins the same is fine", () => {
  const wanted = ["/", "/mnt"];
  assert.equal(missingMount("/srv/backups", wanted, ["/"]), null);
  assert.equal(missingMount("/mnt/usb/backups", wanted, ["/", "/mnt/usb"]), null);
  assert.equal(missingMount("/mnt2/backups", wanted, ["/"]), null);
  assert.equal(missingMount("/srv/backups", ["/"], []), null);
});

test("mount points are read out of fstab and mountinfo: comments, swap and spaces", () => {
  const fstab = "# /dev/sda1 /old ext4\n/dev/sdb1  /mnt/my\\040disk/ ext4 noauto 0 2\n/dev/sdc1 none swap sw\n\n"; // prettier-ignore
  assert.deepEqual(parseMountPoints(fstab, 1), ["/mnt/my disk"]);
  assert.deepEqual(parseMountPoints("36 35 98:0 /root /mnt/x rw - ext4 /dev/sda rw\n", 4), ["/mnt/x"]); // prettier-ignore
});
