// Writes docs/settings.md from the settings' schema: node scripts/settings-doc.ts
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import * as prettier from "prettier";
import { formatSettingsDoc } from "../src/config/settings-doc.ts";

const path = resolve(import.meta.dirname, "../docs/settings.md");
const options = await prettier.resolveConfig(path);
writeFileSync(path, await prettier.format(formatSettingsDoc(), { ...options, filepath: path }));
