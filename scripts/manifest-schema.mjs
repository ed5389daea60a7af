// Writes dist/manifest.schema.json from the compiled schema that the reader itself checks manifests with.
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";

/** @param {string} root the package's folder; dist/ is compiled */
export async function writeManifestSchema(root) {
  const { manifestSchema } = await import(resolve(root, "dist/archive/manifest-schema.js"));
  // "input": fields that a later version adds are allowed, as the reader allows them.
  const { $schema, ...shape } = z.toJSONSchema(manifestSchema, { io: "input" });
  const title = "manifest.json of a mongokeep backup";
  const text = JSON.stringify({ $schema, title, ...shape }, null, 2);
  writeFileSync(resolve(root, "dist/manifest.schema.json"), `${text}\n`);
}
