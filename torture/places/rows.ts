// What may be in the place of a folder or file of mongokeep, and what each command must do then.
import type { ErrorCode } from "../../src/errors.ts";
import { OTHER_USER } from "./scene.ts";
import type { Scene } from "./scene.ts";

/** "damaged": exit 3, told as the error or as the finding of `verify`. */
export type Outcome = "works" | ErrorCode;
export type PlaceCommand =
  "list" | "verify" | "status" | "cleanup" | "restore" | "backup" | "delete";

export interface Row {
  readonly name: string;
  /** With $ROOT, $B for the folder of backups, $OUT for what lies outside, $ID of the backup. */
  readonly script: string;
  /** The other user, or a mount namespace of its own, in which `script` runs too where it mounts. */
  readonly prepare?: (scene: Scene) => void;
  /** Run in this order. */
  readonly expect: Readonly<Partial<Record<PlaceCommand, Outcome>>>;
}

/** What changes nothing shows what it can; what writes is refused. */
const REFUSED = {
  backup: "backup-dir",
  cleanup: "backup-dir",
  delete: "backup-dir",
  restore: "backup-dir",
} as const;
const READABLE = { list: "works", verify: "works", ...REFUSED } as const;
const UNREADABLE = { list: "backup-dir", verify: "backup-dir", ...REFUSED } as const;
/** One backup is not to be trusted; everything else goes on, and it can be deleted. */
const DAMAGED = {
  list: "works",
  verify: "damaged",
  restore: "damaged",
  cleanup: "works",
  backup: "works",
  delete: "works",
} as const;
const WORKS = {
  list: "works",
  verify: "works",
  cleanup: "works",
  backup: "works",
  restore: "works",
  delete: "works",
} as const;

/** Runs as another user, to whom all but what lies outside is given. */
const asOther = (scene: Scene) => {
  const user = String(OTHER_USER);
  scene.runUnder(["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"]);
};
const GIVEN = `chmod 755 $ROOT; chown -R ${OTHER_USER}:${OTHER_USER} $B $ROOT/home $ROOT/tmp;`;
/** Each command in a mount namespace of its own, in which `mounts` are made first. */
const mounting = (mounts: string) => (scene: Scene) => {
  const [b, root] = [scene.backups, scene.at()];
  scene.runUnder([
    "unshare",
    "-m",
    "sh",
    "-euc",
    `B=${b}; ROOT=${root}; ${mounts}; exec "$@"`,
    "sh",
  ]);
};
const FSTAB = "mount --bind $ROOT/outside/fstab /etc/fstab";

/** Only a folder is verified by its id alone; it can be deleted all the same. */
const NO_FOLDER = { ...DAMAGED, verify: "backup-not-found", restore: "backup-not-found" } as const;

export const PLACE_ROWS: readonly Row[] = [
  // BACKUP_DIR itself.
  { name: "BACKUP_DIR is a link", script: "mv $B $OUT/real; ln -s $OUT/real $B", expect: READABLE },
  {
    name: "BACKUP_DIR is a dangling link",
    script: "rm -r $B; ln -s $OUT/none $B",
    expect: REFUSED,
  },
  { name: "BACKUP_DIR is a link to itself", script: "rm -r $B; ln -s $B $B", expect: UNREADABLE },
  {
    name: "BACKUP_DIR lies behind a link to a disk",
    script: "mkdir $OUT/disk; mv $B $OUT/disk/backups; ln -s $OUT/disk $ROOT/link",
    prepare: (scene) => {
      scene.useDir(scene.at("link", "backups"));
      scene.allow(scene.at("outside", "disk"));
    },
    expect: WORKS,
  },
  { name: "BACKUP_DIR is a file", script: "rm -r $B; echo x > $B", expect: UNREADABLE },
  {
    name: "BACKUP_DIR lies below a file",
    script: "echo x > $ROOT/file",
    prepare: (scene) => {
      scene.useDir(scene.at("file", "backups"));
    },
    expect: UNREADABLE,
  },
  { name: "BACKUP_DIR is a FIFO", script: "rm -r $B; mkfifo $B", expect: UNREADABLE },
  {
    name: "BACKUP_DIR is a device",
    script: ":",
    prepare: (scene) => {
      scene.useDir("/dev/full");
    },
    expect: UNREADABLE,
  },
  {
    name: "BACKUP_DIR lies in /proc",
    script: ":",
    prepare: (s) => {
      s.useDir("/proc/backups");
    },
    expect: { backup: "backup-dir", cleanup: "backup-dir" },
  },
  {
    name: "BACKUP_DIR is another user's",
    script: `chown -R ${OTHER_USER} $B`,
    prepare: (s) => {
      s.forbid();
    },
    expect: READABLE,
  },
  {
    name: "BACKUP_DIR is open to all, and holds more",
    script: "echo x > $B/index.html; chmod 777 $B",
    expect: REFUSED,
  },
  { name: "BACKUP_DIR is open to all", script: "chmod 777 $B", expect: WORKS },
  { name: "BACKUP_DIR is sticky like /tmp", script: "chmod 1777 $B", expect: REFUSED },
  {
    name: "BACKUP_DIR lies in a folder that is open to all",
    script: "chmod 777 $ROOT",
    expect: REFUSED,
  },
  {
    name: "BACKUP_DIR may not be entered",
    script: `${GIVEN} chmod 000 $B`,
    prepare: asOther,
    expect: UNREADABLE,
  },
  {
    name: "BACKUP_DIR may not be written to",
    script: `${GIVEN} chmod 500 $B`,
    prepare: asOther,
    expect: READABLE,
  },
  {
    name: "BACKUP_DIR is root's",
    script: "chmod 755 $ROOT; chown 65534 $ROOT/tmp",
    prepare: asOther,
    expect: UNREADABLE,
  },
  {
    name: "BACKUP_DIR is read-only",
    script: ":",
    prepare: mounting("mount --bind $B $B; mount -o remount,bind,ro $B"),
    expect: READABLE,
  },
  {
    name: "BACKUP_DIR is yet to be made, on a read-only disk",
    script: "mkdir -m 700 $ROOT/disk",
    prepare: (scene) => {
      mounting("mount -t tmpfs -o ro none $ROOT/disk")(scene);
      scene.useDir(scene.at("disk", "backups"));
    },
    expect: { list: "works", backup: "backup-dir", cleanup: "backup-dir" },
  },
  {
    name: "the disk of BACKUP_DIR is not mounted",
    script: "rm -r $B; mkdir $B; echo /dev/nowhere $B ext4 noauto,nofail 0 0 > $OUT/fstab",
    prepare: (scene) => {
      mounting(FSTAB)(scene);
      scene.useDir(scene.at("backups", "mongo"));
      scene.forbid();
    },
    expect: { list: "works", backup: "backup-dir", cleanup: "backup-dir" },
  },
  {
    name: "the disk of BACKUP_DIR is mounted",
    script: "echo /dev/nowhere $B ext4 noauto,nofail 0 0 > $OUT/fstab",
    prepare: mounting(`${FSTAB}; mount --bind $B $B`),
    expect: WORKS,
  },

  // A backup's folder.
  { name: "a backup is a link", script: "rm -r $B/$ID; ln -s $OUT/$ID $B/$ID", expect: NO_FOLDER },
  {
    name: "a backup is a dangling link",
    script: "rm -r $B/$ID; ln -s $OUT/none $B/$ID",
    expect: NO_FOLDER,
  },
  { name: "a backup is a file", script: "rm -r $B/$ID; echo x > $B/$ID", expect: DAMAGED },
  { name: "a backup is a FIFO", script: "rm -r $B/$ID; mkfifo $B/$ID", expect: NO_FOLDER },
  {
    name: "unfinished backups are links",
    script:
      "ln -s $OUT $B/.2026-01-01_00-00-00.partial; ln -s $OUT $B/.2026-01-01_00-00-00.deleting; ln -s $OUT $B/2026-01-01_00-00-00.damaged",
    expect: WORKS,
  },
  {
    name: "unfinished backups are FIFOs",
    script:
      "for n in .2026-01-01_00-00-00.partial .2026-01-01_00-00-00.deleting 2026-01-01_00-00-00.damaged .unpacked-0123456789abcdef; do mkfifo $B/$n; done",
    expect: WORKS,
  },
  {
    name: "an unfinished backup is to be deleted, and a link lies in it",
    script:
      "mkdir $B/.2026-01-01_00-00-00.partial; ln -s $OUT $B/.2026-01-01_00-00-00.partial/surg",
    expect: WORKS,
  },

  // Files of a backup.
  {
    name: "a database's folder is a link",
    script: "rm -r $B/$ID/$DB; ln -s $OUT/$ID/$DB $B/$ID/$DB",
    expect: DAMAGED,
  },
  {
    name: "a data file is a link",
    script: "f=$ID/$DB/patients.bson.gz; ln -sf $OUT/$f $B/$f",
    expect: DAMAGED,
  },
  {
    name: "a data file is a FIFO",
    script: "f=$B/$ID/$DB/patients.bson.gz; rm $f; mkfifo $f",
    expect: DAMAGED,
  },
  {
    name: "a data file is a device without an end",
    script: "f=$B/$ID/$DB/patients.bson.gz; rm $f; mknod $f c 1 5",
    expect: DAMAGED,
  },
  {
    name: "metadata is a FIFO",
    script: "f=$B/$ID/$DB/patients.metadata.json.gz; rm $f; mkfifo $f",
    expect: DAMAGED,
  },
  {
    name: "the manifest is a link",
    script: "ln -sf $OUT/$ID/manifest.json $B/$ID/manifest.json",
    expect: DAMAGED,
  },
  {
    name: "the manifest is a FIFO",
    script: "rm $B/$ID/manifest.json; mkfifo $B/$ID/manifest.json",
    expect: DAMAGED,
  },
  {
    name: "verification.json is a link",
    script: "ln -sf $OUT/$ID/verification.json $B/$ID/",
    expect: WORKS,
  },
  {
    name: "verification.json is a FIFO",
    script: "rm $B/$ID/verification.json; mkfifo $B/$ID/verification.json",
    expect: WORKS,
  },
  {
    name: "verification.json is a folder",
    script: "rm $B/$ID/verification.json; mkdir $B/$ID/verification.json",
    expect: WORKS,
  },

  // What else lies in BACKUP_DIR.
  {
    name: "the lock is a link to a file",
    script: "ln -s $OUT/patients.txt $B/.lock",
    expect: READABLE,
  },
  { name: "the lock is a dangling link", script: "ln -s $OUT/lock $B/.lock", expect: READABLE },
  { name: "the lock is a FIFO", script: "mkfifo $B/.lock", expect: READABLE },
  { name: "the lock is a folder", script: "mkdir $B/.lock", expect: READABLE },
  {
    name: "the lock is another user's",
    script: `${GIVEN} echo {} > $B/.lock; chmod 600 $B/.lock`,
    prepare: asOther,
    expect: { list: "works", cleanup: "locked", delete: "locked", restore: "locked" },
  },
  {
    name: "what a dead run left of its lock are links and FIFOs",
    script:
      "ln -s $OUT/patients.txt $B/.lock.new-0123456789abcdef; mkfifo $B/.lock.0123456789abcdef",
    expect: WORKS,
  },
  {
    name: "the folder of restores is a link",
    script: "mkdir $OUT/records; ln -s $OUT/records $B/restores",
    expect: READABLE,
  },
  { name: "the folder of restores is a file", script: "echo x > $B/restores", expect: READABLE },
  { name: "the folder of restores is a FIFO", script: "mkfifo $B/restores", expect: READABLE },
  {
    name: "the record of a restore is a link",
    script: "mkdir -m 700 $B/restores $OUT/r; ln -s $OUT/r $B/restores/2026-01-01_00-00-00",
    expect: WORKS,
  },
  {
    name: "the plan of a restore is a link",
    script:
      "mkdir -pm 700 $B/restores/2026-01-01_00-00-00; ln -s $OUT/patients.txt $B/restores/2026-01-01_00-00-00/plan.json",
    expect: WORKS,
  },
  {
    name: "the plan of a restore is a FIFO",
    script:
      "mkdir -pm 700 $B/restores/2026-01-01_00-00-00; mkfifo $B/restores/2026-01-01_00-00-00/plan.json",
    expect: WORKS,
  },
  {
    name: ".gitignore is a link",
    script: "ln -sf $OUT/patients.txt $B/.gitignore",
    expect: READABLE,
  },
  {
    name: ".gitignore is a FIFO",
    script: "rm $B/.gitignore; mkfifo $B/.gitignore",
    expect: READABLE,
  },
];
