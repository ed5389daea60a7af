// Crontabs for tests: the real program with a user made for the test (root and cron needed), or a small
// program that keeps a file and answers as Debian's does.
import { spawnSync } from "node:child_process";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";

export interface CrontabProgram {
  readonly program: string;
  close(): void;
}

/** The program's path; its crontab begins empty and lies in `folder`. */
export async function fakeCrontab(folder: string): Promise<CrontabProgram> {
  const program = join(folder, "crontab");
  const spool = join(folder, "spool");
  const text = `#!/bin/sh
case "$1" in
-l) if [ -f '${spool}' ]; then sed 's/\\r/\\\\r/g; s/\\x08/\\\\b/g' '${spool}'; else echo 'no crontab for tester' >&2; exit 1; fi ;;
-r) rm '${spool}' ;;
-e) sh -c "$VISUAL '${spool}'" ;;
-) cat > '${spool}.new'
   if [ -s '${spool}.new' ] && [ -n "$(tail -c 1 '${spool}.new')" ]; then
     echo 'new crontab file is missing newline before EOF, can not install.' >&2; exit 1
   fi
   mv '${spool}.new' '${spool}'; echo write >> '${spool}.log' ;;
*) exit 2 ;;
esac
`;
  await writeFile(program, text);
  await chmod(program, 0o700);
  return { program, close: () => undefined };
}

const has = (program: string) => spawnSync("sh", ["-c", `command -v ${program}`]).status === 0;

/** Why the real one cannot be used here; null where it can. */
export function realCrontabMissing(): string | null {
  if (process.getuid?.() !== 0) return "needs root, to make a user for the test";
  const missing = ["crontab", "useradd", "userdel"].find((program) => !has(program));
  return missing === undefined ? null : `${missing} is not installed`;
}

/** The real crontab program for a user that exists until `close`. */
export async function realCrontab(folder: string): Promise<CrontabProgram> {
  const user = `mktest${process.pid}`;
  const made = spawnSync("useradd", ["--no-create-home", "--no-user-group", user]);
  if (made.status !== 0) throw new Error(`useradd: ${made.stderr.toString()}`);
  const program = join(folder, "real-crontab");
  await writeFile(program, `#!/bin/sh\nexec crontab -u ${user} "$@"\n`);
  await chmod(program, 0o700);
  return {
    program,
    close() {
      spawnSync(program, ["-r"]);
      spawnSync("userdel", [user]);
    },
  };
}
