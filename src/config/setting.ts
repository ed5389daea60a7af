// One setting: how its text becomes a value, and what docs/settings.md and error messages say about it. The schema
// contains both, so that they stay consistent.
import { z } from "zod";

export interface SettingMeta {
  readonly group: SettingGroup;
  /** Other names of the same setting. */
  readonly aliases: readonly string[];
  /** As written in .env; null: not set. */
  readonly defaultText: string | null;
  /** Text of the table if there is no default. */
  readonly unset: string;
  /** Examples of valid values, in Markdown without pipes. */
  readonly looks: string;
  /** Description for the table. */
  readonly about: string;
  /** Its value is never shown. */
  readonly secret: boolean;
}

export type SettingGroup =
  "Connection" | "Backups" | "Retention" | "Disk" | "Service and restore" | "Drills" | "Alerts";

export const settingRegistry = z.registry<SettingMeta>();

type SettingInput<T> = Pick<SettingMeta, "group" | "looks" | "about"> &
  Partial<Pick<SettingMeta, "aliases" | "unset" | "secret">> & {
    /** The value, or null if the text is malformed. */
    readonly parse: (text: string) => T | null;
  };

function parsed<T>(input: SettingInput<T>) {
  return z.string().transform((text, context): T => {
    const value = input.parse(text);
    if (value !== null) return value;
    context.addIssue({ code: "custom", message: "malformed" });
    return z.NEVER;
  });
}

function metaOf(input: SettingInput<unknown>, defaultText: string | null): SettingMeta {
  return {
    group: input.group,
    looks: input.looks,
    about: input.about,
    aliases: input.aliases ?? [],
    unset: input.unset ?? "",
    secret: input.secret ?? false,
    defaultText,
  };
}

/** A setting that may be missing: its value is then undefined. */
export function optional<T>(input: SettingInput<T>) {
  return parsed(input).optional().register(settingRegistry, metaOf(input, null));
}

/** A setting with a default, which is parsed in the same way. */
export function withDefault<T>(defaultText: string, input: SettingInput<T>) {
  return parsed(input).prefault(defaultText).register(settingRegistry, metaOf(input, defaultText));
}
