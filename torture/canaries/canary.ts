// Secrets that are placed somewhere and then searched for everywhere else, in every form in which they might be
// written.
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "../../tests/support/random.ts";

export interface Canary {
  readonly name: string;
  /** What is put into a setting or a document. Its hex core stays as it is in URLs, JSON and shells. */
  readonly text: string;
  readonly forms: readonly string[];
}

/** `shape` has a * where the core goes. */
export function createCanary(name: string, shape: string, random: Random): Canary {
  const core = random.bytes(9).toString("hex");
  const text = shape.replace("*", core);
  return { name, text, forms: [core, ...base64Forms(core), Buffer.from(core).toString("hex")] };
}

/** As it is within longer base64, at any of the three places where it can begin. */
function base64Forms(core: string): string[] {
  return [0, 1, 2].map((lead) => {
    const encoded = Buffer.from("x".repeat(lead) + core).toString("base64");
    return encoded.slice(lead === 0 ? 0 : 4, -4);
  });
}

export function assertHidden(
  canaries: readonly Canary[],
  where: string,
  content: string | Buffer,
): void {
  for (const { name, forms } of canaries)
    if (forms.some((form) => content.includes(form)))
      assert.fail(`${name} is in ${where}: ${content.toString("latin1").slice(0, 3_000)}`);
}

/** Every file in a folder but those which `mayHold`; how many were searched. */
export async function searchFiles(
  folder: string,
  canaries: readonly Canary[],
  mayHold: (path: string) => boolean,
): Promise<number> {
  let searched = 0;
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    assertHidden(canaries, "a file's name", path);
    if (!entry.isFile() || mayHold(path)) continue;
    assertHidden(canaries, path, await readFile(path));
    searched++;
  }
  return searched;
}
