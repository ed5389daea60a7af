// Whether the disk that a folder belongs on is there. Where it is not, a backup would fill the disk beneath it, and
// be gone from sight as soon as the right one is mounted again.
import { readFile, realpath } from "node:fs/promises";
import { join, relative } from "node:path";
import { KeepError } from "../errors.ts";
import { nearestFolder } from "./disk.ts";

/** A mount point that /etc/fstab names, above `path`, with nothing mounted on it or below it. @throws KeepError backup-dir */
export async function requireMounted(path: string): Promise<void> {
  const mounted = await readMountPoints("/proc/self/mountinfo", 4);
  // No Linux, or /proc is not to be read: then nothing is known.
  if (mounted.length === 0) return;
  const real = await resolveNearest(path);
  const missing = missingMount(real, await readMountPoints("/etc/fstab", 1), mounted);
  if (missing === null) return;
  throw new KeepError(
    "backup-dir",
    `nothing is mounted on ${missing}, which backup folder ${path} lies in`,
    {
      // prettier-ignore
      hint: `Mount it (mount ${missing}), or choose another BACKUP_DIR. If ${missing} is no mount point any more, take it out of /etc/fstab.`,
    },
  );
}

/** Pure: all paths absolute and free of links. */
export function missingMount(
  path: string,
  wanted: readonly string[],
  mounted: readonly string[],
): string | null {
  const deepest = (points: readonly string[]) =>
    points
      .filter((point) => point === "/" || path === point || path.startsWith(`${point}/`))
      .reduce((best, point) => (point.length > best.length ? point : best), "");
  const [should, does] = [deepest(wanted), deepest(mounted)];
  return should.length > does.length && should !== "/" ? should : null;
}

/** The field of each line that is an absolute path; spaces in it are written as \040. */
export function parseMountPoints(text: string, field: number): string[] {
  return text
    .split("\n")
    .filter((line) => !line.trimStart().startsWith("#"))
    .map((line) => line.trim().split(/\s+/)[field] ?? "")
    .filter((point) => point.startsWith("/"))
    .map((point) =>
      point.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))),
    ) // prettier-ignore
    .map((point) => (point === "/" ? point : point.replace(/\/+$/, "")));
}

async function readMountPoints(file: string, field: number): Promise<string[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  const points = parseMountPoints(text, field);
  return await Promise.all(points.map((point) => realpath(point).catch(() => point)));
}

/** `path` free of links as far as it exists. */
async function resolveNearest(path: string): Promise<string> {
  const nearest = await nearestFolder(path);
  return join(await realpath(nearest), relative(nearest, path));
}
