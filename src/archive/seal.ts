// The manifest's own checksum: its last field is the SHA-256 of the text before it.
import { createHash } from "node:crypto";
import type { Manifest, ManifestBody } from "./manifest.ts";

const LAST = ',\n  "sha256": "';

/** The text of manifest.json: two spaces of indent, `sha256` last. */
export function formatManifest(body: ManifestBody): { text: string; manifest: Manifest } {
  const open = JSON.stringify(body, null, 2).slice(0, -2);
  const sha256 = createHash("sha256").update(open).digest("hex");
  return { text: `${open}${LAST}${sha256}"\n}\n`, manifest: { ...body, sha256 } };
}

/** Whether the text still is what was sealed. */
export function isSealed(text: string): boolean {
  const at = text.lastIndexOf(LAST);
  if (at < 0) return false;
  const sha256 = createHash("sha256").update(text.slice(0, at)).digest("hex");
  return text.slice(at) === `${LAST}${sha256}"\n}\n`;
}
