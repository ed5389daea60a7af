// A separate disk mounted at a folder, which can be filled to the page and the inode.
import { execFile } from "node:child_process";
import { statfs } from "node:fs/promises";
import { promisify } from "node:util";

const exec = promisify(execFile);
export const PAGE = 4_096;
const ROOM_PAGES = 16_384;
const ROOM_INODES = 1_000_000;

export type Room = "pages" | "inodes";

export interface Disk extends AsyncDisposable {
  used(): Promise<Readonly<Record<Room, number>>>;
  /** 0: room for all. */
  limit(what: Room, most: number): Promise<void>;
}

/** Empty; what lay in the folder is hidden meanwhile. Needs lacksTmpfs() to be null. */
export async function mountDisk(folder: string, roomPages = ROOM_PAGES): Promise<Disk> {
  const options = `size=${roomPages * PAGE},nr_inodes=${ROOM_INODES},mode=0700`;
  await exec("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder]);
  return {
    async used() {
      const { blocks, bfree, files, ffree } = await statfs(folder);
      return { pages: blocks - bfree, inodes: files - ffree };
    },
    async limit(what, most) {
      const [pages, inodes] = what === "pages" ? [most, 0] : [0, most];
      const size = (pages === 0 ? roomPages : pages) * PAGE;
      const count = inodes === 0 ? ROOM_INODES : inodes;
      await exec("mount", ["-o", `remount,size=${size},nr_inodes=${count}`, folder]);
    },
    async [Symbol.asyncDispose]() {
      await exec("umount", ["-l", folder]);
    },
  };
}
