// What a restore can be asked for, in one table. The library takes its defaults from it, plan.json its fields, and the
// command line must give a value for each: a new option cannot be forgotten in one of them.
import { z } from "zod";

interface Option<Asked, Schema extends z.ZodType> {
  readonly byDefault: Asked;
  /** Of what plan.json holds of it. */
  readonly schema: Schema;
  readonly store: (asked: Asked) => z.infer<Schema>;
  readonly read: (stored: z.infer<Schema>) => Asked;
}

function plain<Schema extends z.ZodType>(
  schema: Schema,
  byDefault: z.infer<Schema>,
): Option<z.infer<Schema>, Schema> {
  return { byDefault, schema, store: (asked) => asked, read: (stored) => stored };
}

const text = z.string();
const texts = z.array(text).readonly();
const flag = z.boolean();
const pairs = z.array(z.tuple([text, text]));
const renames: Option<ReadonlyMap<string, string>, typeof pairs> = {
  byDefault: new Map(),
  schema: pairs,
  store: (asked) => [...asked],
  read: (stored) => new Map(stored),
};
const engine = z.enum(["native", "mongodump"]);

/** What loads the documents: our own, or stock mongorestore. */
export type RestoreEngine = z.infer<typeof engine>;

const OPTIONS = {
  /** Database in the backup → the one to restore it as. */
  rename: renames,
  /** `database.collection` in the backup → the one to restore it as. */
  renameNamespaces: renames,
  /** null: all of the backup. */
  only: plain(texts.nullable(), null),
  exclude: plain(texts, []),
  /** What exists only live is removed too. */
  exact: plain(flag, false),
  /** Drop and load instead of staging beside the live data. */
  inPlace: plain(flag, false),
  /** false: without the expiry of TTL indexes and collections. */
  expiry: plain(flag, true),
  skipPreBackup: plain(flag, false),
  useService: plain(flag, true),
  /** Restore to a server that version-guard.ts refuses. */
  forceVersion: plain(flag, false),
  /** Absent in records of earlier versions, as every later option will be. */
  engine: plain(engine.exactOptional(), "native"),
};

type Options = typeof OPTIONS;
type Name = keyof Options;

export type RestoreOptions = { readonly [N in Name]: Options[N]["byDefault"] };

export interface RestoreRequest extends RestoreOptions {
  /** An id, a path, or "latest"; with `at` the newest good one made before that moment. */
  readonly backup: string;
  /** Milliseconds since 1970. */
  readonly at?: number;
  readonly confirm: boolean;
}

type Schemas = { [N in Name]: Options[N]["schema"] };

/** The request as plan.json has it: `backup` is the path. */
export const storedRequestSchema = z.object({ backup: text, ...(eachOption("schema") as Schemas) });
export type StoredRequest = Readonly<z.infer<typeof storedRequestSchema>>;

const DEFAULTS = eachOption("byDefault") as RestoreOptions;

type Given = Partial<RestoreRequest> & Pick<RestoreRequest, "backup">;

/** Whatever is not given has its default; whatever else is given is left out. */
export function toRequest(given: Given): RestoreRequest {
  const { backup, at, confirm = false } = given;
  const known = names().filter((name) => given[name] !== undefined);
  const options = Object.fromEntries(known.map((name) => [name, given[name]]));
  return { ...DEFAULTS, ...options, backup, ...(at !== undefined && { at }), confirm };
}

export function toStored(request: RestoreOptions, path: string): StoredRequest {
  const options = names().map((name) => {
    const { store } = OPTIONS[name] as Option<unknown, z.ZodType>;
    return [name, store(request[name])] as const;
  });
  return { backup: path, ...(Object.fromEntries(options) as Omit<StoredRequest, "backup">) };
}

export function fromStored(stored: StoredRequest, confirm: boolean): RestoreRequest {
  const given = names().flatMap((name) => {
    const { read } = OPTIONS[name] as Option<unknown, z.ZodType>;
    return stored[name] === undefined ? [] : [[name, read(stored[name])] as const];
  });
  const options = Object.fromEntries(given) as Partial<RestoreOptions>;
  return toRequest({ ...options, backup: stored.backup, confirm });
}

function names(): Name[] {
  return Object.keys(OPTIONS) as Name[];
}

/** One property of each option, by its name. */
function eachOption(property: "schema" | "byDefault"): unknown {
  return Object.fromEntries(names().map((name) => [name, OPTIONS[name][property]]));
}
