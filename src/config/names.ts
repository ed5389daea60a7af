// The names of mongokeep's settings, which of them hold secrets, and which other names look misspelt.
import { distance } from "fastest-levenshtein";
import { settingsSchema } from "./schema.ts";
import type { SettingName } from "./schema.ts";
import { settingRegistry } from "./setting.ts";
import type { SettingMeta } from "./setting.ts";

/** Read if none of mongokeep's own names is set, and shared with applications: never an error or a suggestion. */
export const SHARED_NAMES = ["DATABASE_URL", "DB_NAME"] as const;

export const SETTING_NAMES = Object.keys(settingsSchema.shape) as SettingName[];

/** The connection settings of the application, which are ignored if mongokeep has its own URI. */
const OF_APPLICATION: ReadonlySet<string> = new Set(
  SETTING_NAMES.filter(
    (name) =>
      name.startsWith("MONGODB_") &&
      name !== "MONGODB_DATABASE" &&
      settingRegistry.get(settingsSchema.shape[name])?.group === "Connection",
  ).flatMap((name) => [name, ...metaOf(name).aliases]),
).add("DATABASE_URL");

export const OWN_URI = "MONGOKEEP_URI";

export function isOfApplication(name: string): boolean {
  return OF_APPLICATION.has(name);
}

export function metaOf(name: SettingName): SettingMeta {
  const meta = settingRegistry.get(settingsSchema.shape[name]);
  if (meta === undefined) throw new TypeError(`${name} is not registered`);
  return meta;
}

/** Every accepted name → its setting. */
const OWNER: ReadonlyMap<string, SettingName> = new Map(
  SETTING_NAMES.flatMap((name) =>
    [name, ...metaOf(name).aliases].map((written) => [written, name]),
  ),
);

export function isOurs(name: string): boolean {
  return OWNER.has(name) || (SHARED_NAMES as readonly string[]).includes(name);
}

export function isSecretName(name: string): boolean {
  const owner = OWNER.get(name);
  return owner === undefined ? name === "DATABASE_URL" : metaOf(owner).secret;
}

/** Every name that can hold a secret. */
export const SECRET_NAMES: readonly string[] = [...OWNER.keys(), ...SHARED_NAMES].filter(
  isSecretName,
);

export interface NearMiss {
  readonly written: string;
  readonly meant: string;
  readonly setting: SettingName;
  /** Settings that decide what is deleted, where backups go and who receives alerts: a misspelt one is an error. */
  readonly grave: boolean;
}

const GRAVE = /^(?:BACKUP|RETENTION|DISK|ALERT)_/;

/** Other names that are close to a setting. */
export function findNearMisses(written: Iterable<string>): NearMiss[] {
  return [...written].flatMap((name) => {
    if (isOurs(name)) return [];
    const near = [...OWNER].find(([meant]) => isNear(normalized(name), meant));
    if (near === undefined) return [];
    const [meant, setting] = near;
    return [{ written: name, meant, setting, grave: GRAVE.test(meant) }];
  });
}

function normalized(name: string): string {
  return name
    .toUpperCase()
    .replaceAll("-", "_")
    .replace(/^MONGO_KEEP_/, "MONGOKEEP_")
    .replace(/^MONGO_(?!UR[IL]$)/, "MONGODB_");
}

function isNear(name: string, meant: string): boolean {
  if (name === meant || name.replaceAll("_", "") === meant.replaceAll("_", "")) return true;
  const steps = distance(name, meant);
  if (steps <= 1) return true;
  // Two edits are too many in a short name (BACKUP_DB is not BACKUP_DIR), except two swapped letters.
  return steps === 2 && (meant.length >= 12 || sortedLetters(name) === sortedLetters(meant));
}

function sortedLetters(name: string): string {
  return Array.from(name).sort().join("");
}
