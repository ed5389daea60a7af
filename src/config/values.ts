// Turns texts into checked values by name, through the schema. Reports all malformed settings at once.
import { KeepError } from "../errors.ts";
import type { Found, Lookup } from "./lookup.ts";
import { isOfApplication, metaOf, OWN_URI, SETTING_NAMES } from "./names.ts";
import { settingsSchema } from "./schema.ts";
import type { SettingName, SettingValues } from "./schema.ts";

export interface ReadValues {
  readonly values: SettingValues;
  /** Where each given setting was found. */
  readonly found: ReadonlyMap<SettingName, Found>;
}

/** @throws KeepError bad-setting naming malformed settings and valid examples */
export function readValues(lookup: Lookup): ReadValues {
  const found = new Map<SettingName, Found>();
  const hasOwn = lookup.find([OWN_URI]) !== null;
  for (const name of SETTING_NAMES) {
    if (hasOwn && isOfApplication(name)) continue;
    const hit = lookup.find([name, ...metaOf(name).aliases]);
    if (hit) found.set(name, hit);
  }
  const texts = Object.fromEntries([...found].map(([name, { text }]) => [name, text]));
  const result = settingsSchema.safeParse(texts);
  if (result.success) return { values: result.data, found };
  const wrong = result.error.issues.map(({ path }) => path[0] as SettingName);
  throw malformed([...new Set(wrong)], found, lookup);
}

function malformed(
  wrong: readonly SettingName[],
  found: ReadonlyMap<SettingName, Found>,
  lookup: Lookup,
): KeepError {
  const [first, ...others] = wrong.map((name) => problemOf(name, found.get(name), lookup));
  const more =
    others.length === 0
      ? ""
      : `; so ${others.length === 1 ? "is" : "are"} ${wrong.slice(1).join(", ")}`;
  return new KeepError("bad-setting", `${first?.message ?? "a setting is malformed"}${more}`, {
    hint: first?.hint ?? "See docs/settings.md for every setting.",
    details: { settings: wrong },
  });
}

function problemOf(name: SettingName, hit: Found | undefined, lookup: Lookup) {
  const meta = metaOf(name);
  const place = hit ? ` in ${lookup.placeOf(hit.level)}` : "";
  const shown = hit && !meta.secret ? ` (${JSON.stringify(hit.text)})` : "";
  return {
    message: `${hit?.name ?? name}${shown}${place} is malformed`,
    hint: `A right value looks like this: ${meta.looks.replaceAll("`", "")}.`,
  };
}
