// Whether this machine allows mounting: being root is not enough in a container.
import { execFile } from "node:child_process";
import { mkdtemp, rm, rmdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const exec = promisify(execFile);

/** What is missing to mount a tmpfs, in words. */
export async function lacksTmpfs(): Promise<string | null> {
  return await trying("the right to mount a tmpfs", (folder) =>
    exec("mount", ["-t", "tmpfs", "-o", "size=64k,nr_inodes=100", "tmpfs", folder]),
  );
}

/** The same for an image of a disk. */
export async function lacksLoop(): Promise<string | null> {
  return await trying("mkfs.ext4, and the right to mount an image", async (folder) => {
    const image = `${folder}.img`;
    try {
      await exec("truncate", ["-s", "8M", image]);
      await exec("mkfs.ext4", ["-q", "-F", image]);
      await exec("mount", ["-o", "loop", image, folder]);
    } finally {
      await rm(image, { force: true });
    }
  });
}

async function trying(
  what: string,
  mount: (folder: string) => Promise<unknown>,
): Promise<string | null> {
  const folder = await mkdtemp(join(tmpdir(), "mongokeep-mount-"));
  try {
    await mount(folder);
    await exec("umount", [folder]);
    return null;
  } catch {
    return what;
  } finally {
    await rmdir(folder);
  }
}
