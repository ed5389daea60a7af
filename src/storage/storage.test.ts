import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { openBackupDir } from "./backup-dir.ts";
import { freeBytes, sameDisk } from "./disk.ts";
import { guardGit } from "./git-guard.ts";
import { isHiddenFromGit } from "./git-ignore.ts";

let root: string;
let dir: string;
before(async () => {
  root = await mkdtemp(join(tmpdir(), "mk-storage-"));
});
beforeEach(async () => {
  dir = join(await mkdtemp(join(root, "case-")), "backups");
});
after(() => rm(root, { recursive: true }));

const modeOf = async (path: string) => (await lstat(path)).mode & 0o7777;

test("a missing folder is made with its parents, private whatever the umask", async () => {
  const deep = join(dir, "a", "b");
  const umask = process.umask(0);
  try {
    await openBackupDir(deep);
  } finally {
    process.umask(umask);
  }
  assert.deepEqual(
    await Promise.all([dir, join(dir, "a"), deep].map(modeOf)),
    [0o700, 0o700, 0o700],
  );
  assert.equal(await readFile(join(deep, ".gitignore"), "utf8"), "*\n");
  assert.equal(await modeOf(join(deep, ".gitignore")), 0o600);
  await openBackupDir(deep);
});

test("an open folder of ours is made private; the rules of a .gitignore stay", async () => {
  await mkdir(join(dir, "2026-11-23_02-00-00"), { recursive: true });
  await writeFile(join(dir, ".gitignore"), "mine");
  await chmod(dir, 0o775);
  await openBackupDir(dir);
  assert.equal(await modeOf(dir), 0o700);
  assert.equal(await readFile(join(dir, ".gitignore"), "utf8"), "mine\n*\n");
});

test("an open folder that holds other things, or is sticky, is refused and left as it is", async () => {
  await mkdir(dir);
  await writeFile(join(dir, "index.html"), "");
  await chmod(dir, 0o755);
  await assert.rejects(openBackupDir(dir), { code: "backup-dir", message: /index\.html/ });
  assert.equal(await modeOf(dir), 0o755);
  await chmod(dir, 0o700);
  await openBackupDir(dir);
  const sticky = join(dir, "..", "sticky");
  await mkdir(sticky);
  await chmod(sticky, 0o1777);
  await assert.rejects(openBackupDir(sticky), { code: "backup-dir" });
  assert.equal(await modeOf(sticky), 0o1777);
});

test("a symbolic link is refused, as the folder and inside, dangling ones too", async () => {
  await mkdir(`${dir}-real`);
  await symlink(`${dir}-real`, dir);
  await assert.rejects(openBackupDir(dir), { code: "backup-dir", message: /symbolic link/ });
  await symlink("/nowhere/at/all", `${dir}-dangling`);
  await assert.rejects(openBackupDir(`${dir}-dangling`), { message: /symbolic link/ });
  await symlink(root, join(`${dir}-real`, "restores"));
  await assert.rejects(openBackupDir(`${dir}-real`), { message: /restores is a symbolic link/ });
});

test("a FIFO or a folder in the place of the lock, and a file in that of restores, are refused", async () => {
  await mkdir(join(dir, ".lock"), { recursive: true });
  await chmod(dir, 0o700);
  await assert.rejects(openBackupDir(dir), {
    code: "backup-dir",
    message: /\.lock is not a plain/,
  });
  await rm(join(dir, ".lock"), { recursive: true });
  execFileSync("mkfifo", [join(dir, ".lock")]);
  await assert.rejects(openBackupDir(dir), {
    code: "backup-dir",
    message: /\.lock is not a plain/,
  });
  await rm(join(dir, ".lock"));
  await writeFile(join(dir, "restores"), "");
  await assert.rejects(openBackupDir(dir), {
    code: "backup-dir",
    message: /restores is not a fold/,
  });
});

test("a parent that everyone may write to is refused, unless it is sticky like /tmp", async () => {
  const parent = join(dir, "..");
  await chmod(parent, 0o777);
  await assert.rejects(openBackupDir(dir), { code: "backup-dir", message: /everyone may write/ });
  await chmod(parent, 0o1777);
  await openBackupDir(dir);
});

test("a file in the way is told", async () => {
  await writeFile(dir, "");
  await assert.rejects(openBackupDir(dir), { code: "backup-dir", message: /not a folder/ });
  await assert.rejects(openBackupDir(join(dir, "x")), {
    code: "backup-dir",
    message: /in its way/,
  });
});

test(
  "another user's folder is refused",
  { skip: process.getuid?.() === 0 ? false : "needs root to make one" },
  async () => {
    await mkdir(dir, { mode: 0o700 });
    execFileSync("chown", ["65534", dir]);
    await assert.rejects(openBackupDir(dir), { code: "backup-dir", message: /another user/ });
  },
);

function git(...args: string[]) {
  const identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
  execFileSync("git", [...identity, "-C", join(dir, ".."), ...args], { stdio: "pipe" });
}

test("a folder in a work tree is fine as long as git tracks none of its files", async () => {
  git("init", "-q");
  await guardGit(dir);
  await openBackupDir(dir);
  await writeFile(join(dir, "x.bson.gz"), "");
  await guardGit(dir);
  git("add", "-A");
  await guardGit(dir);
});

test("whatever a .gitignore says, git adds no backup after the next run, and doctor's rule agrees with git", async () => {
  const hides = ["*\n", "*", "# ours\n*\n", "!keep\n*\n", "*  \n", "*\r\n"];
  const shows = [
    "",
    "\n",
    " *\n",
    "# *\n",
    "\\*\n",
    "*.log\n",
    "*\n!*.gz\n",
    "*/\n",
    "*\n*\n!x*",
    "restores\n",
  ];
  git("init", "-q");
  await mkdir(dir, { mode: 0o700 });
  await writeFile(join(dir, "x.bson.gz"), "");
  const added = () => {
    git("add", "-A");
    const files = execFileSync(
      "git",
      ["-C", join(dir, ".."), "ls-files", "--", "backups/x.bson.gz"],
      { encoding: "utf8" },
    );
    git("rm", "-r", "-q", "--cached", "--ignore-unmatch", ".");
    return files !== "";
  };
  for (const text of [...hides, ...shows]) {
    await writeFile(join(dir, ".gitignore"), text);
    assert.equal(await isHiddenFromGit(dir), hides.includes(text), JSON.stringify(text));
    assert.equal(added(), shows.includes(text), JSON.stringify(text));
    await openBackupDir(dir);
    assert.equal(added(), false, JSON.stringify(text));
    assert.equal(await isHiddenFromGit(dir), true);
  }
  await rm(join(dir, ".gitignore"));
  assert.equal(await isHiddenFromGit(dir), false);
});

test("a .gitignore that is tracked is no patient data", async () => {
  git("init", "-q");
  await openBackupDir(dir);
  git("add", "-f", "backups/.gitignore");
  await guardGit(dir);
});

test("tracked files are refused, also when the folder itself is gone from the disk", async () => {
  git("init", "-q");
  await mkdir(dir);
  await writeFile(join(dir, "x.bson.gz"), "");
  git("add", "-f", "backups/x.bson.gz");
  await assert.rejects(guardGit(dir), {
    code: "backup-in-git",
    exitCode: 2,
    message: /x\.bson\.gz/,
  });
  await rm(dir, { recursive: true });
  await assert.rejects(guardGit(dir), { code: "backup-in-git" });
});

test("a work tree itself is no backup folder", async () => {
  await mkdir(dir);
  await chmod(dir, 0o700);
  execFileSync("git", ["-C", dir, "init", "-q"]);
  await assert.rejects(openBackupDir(dir), { code: "backup-in-git" });
});

test("free space and the disk are told for folders yet to be made", async () => {
  assert.ok((await freeBytes(join(dir, "not", "yet"))) > 0);
  assert.equal(await sameDisk(join(dir, "not", "yet"), root), true);
  const other = (await stat("/proc")).dev !== (await stat(root)).dev;
  assert.equal(await sameDisk(root, "/proc"), !other);
});
