// Every file and folder that a program and its children create, with its mode at that moment, from strace. A later
// chmod is too late, because others may have opened the file before.
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";

export interface Creation {
  readonly kind: "file" | "folder" | "unnamed file" | "node";
  readonly path: string;
  /** What the umask leaves of the mode that was asked for. */
  readonly mode: number;
}

/** argv before the program's own. All system calls that create, and what says which mode that comes to. */
export function straceArgs(log: string): string[] {
  const calls = "open,openat,creat,mkdir,mkdirat,mknod,mknodat,umask,clone,clone3,fork,vfork";
  return [
    "strace",
    "-f",
    "-y",
    "-qq",
    "-s",
    "4096",
    "-e",
    "signal=none",
    "--seccomp-bpf",
    "-o",
    log,
    "-e",
    `trace=${calls}`,
  ];
}

const FILE = /^(?:open|openat|creat)\((?:(?:AT_FDCWD|\d+)<(.*?)>, )?"((?:[^"\\]|\\.)*)"(.*)$/;
const FOLDER =
  /^(?:mkdir|mkdirat|mknod|mknodat)\((?:(?:AT_FDCWD|\d+)<(.*?)>, )?"((?:[^"\\]|\\.)*)", (.*)$/;

/** `umask` is that of the first process. Calls that failed created nothing. */
export async function readCreations(log: string, umask: number): Promise<readonly Creation[]> {
  const creations: Creation[] = [];
  const masks = new Map<number, { mask: number }>();
  const begun = new Map<number, string>();
  for (const line of (await readFile(log, "latin1")).split("\n")) {
    const [, id, said = ""] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (id === undefined) continue;
    const pid = Number(id);
    if (masks.size === 0) masks.set(pid, { mask: umask });
    // Another thread came between the call and its return.
    if (said.endsWith("<unfinished ...>")) {
      begun.set(pid, said.slice(0, -"<unfinished ...>".length));
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(said);
    const call = resumed ? (begun.get(pid) ?? "") + (resumed[1] ?? "") : said;
    const own = masks.get(pid) ?? { mask: umask };
    masks.set(pid, own);
    const result = Number(/ = (-?\d+)(?:<.*>)?(?: \w.*)?$/.exec(call)?.[1] ?? -1);
    if (result < 0) continue;
    if (call.startsWith("umask(")) own.mask = parseInt(/\((\d+)\)/.exec(call)?.[1] ?? "0", 8);
    // Threads share the mask, processes begin with a copy.
    else if (/^(clone|clone3|fork|vfork)\(/.test(call))
      masks.set(result, call.includes("CLONE_FS") ? own : { ...own });
    else {
      const made = creationOf(call, own.mask);
      if (made) creations.push(made);
    }
  }
  return creations;
}

function creationOf(call: string, mask: number): Creation | null {
  const [, base = "/", name = "", rest = ""] = FILE.exec(call) ?? FOLDER.exec(call) ?? [];
  if (name === "") return null;
  const path = resolve(base, name);
  const mode = (text: string) => parseInt(/\b(0\d+)\b/.exec(text)?.[1] ?? "0777", 8) & ~mask;
  if (call.startsWith("mkdir")) return { kind: "folder", path, mode: mode(rest) };
  if (call.startsWith("mknod")) return { kind: "node", path, mode: mode(rest) };
  if (rest.includes("O_TMPFILE")) return { kind: "unnamed file", path, mode: mode(rest) };
  if (rest.includes("O_CREAT") || call.startsWith("creat("))
    return { kind: "file", path, mode: mode(rest) };
  return null;
}
