// Whether BACKUP_MAX_RATE is kept to: what was read, by the seconds of the dump.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Figure } from "./figures.ts";
import { createProject } from "./mongokeep.ts";

/** MB a second; what the machine could do is several times that. */
const RATES = [10, 30] as const;
const MOST_OFF = 0.1;

interface Backup {
  readonly path: string;
  readonly timings: { readonly dumpSeconds: number };
}
interface Sizes {
  readonly collections: readonly { readonly rawBytes: number }[];
}

export async function measureRates(
  uri: string,
  database: string,
  say: (line: string) => void,
): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const wanted of RATES) {
    say(`reading ${wanted} MB a second`);
    await using project = await createProject(uri, database, { BACKUP_MAX_RATE: String(wanted) });
    const { stdout } = await project.run(["backup", "--json"]);
    const { path, timings } = JSON.parse(stdout) as Backup;
    const manifest = JSON.parse(await readFile(join(path, "manifest.json"), "utf8")) as Sizes;
    const bytes = manifest.collections.reduce((sum, { rawBytes }) => sum + rawBytes, 0);
    const found = bytes / 1e6 / timings.dumpSeconds;
    figures.push({
      what: `BACKUP_MAX_RATE=${wanted}`,
      measured: `${found.toFixed(2)} MB/s`,
      target: `${wanted} MB/s ± 10 %`,
      pass: Math.abs(found / wanted - 1) <= MOST_OFF,
    });
  }
  return figures;
}
