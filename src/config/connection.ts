// Determines where MongoDB is and what to back up, from a URI or from its parts. Contradictions are refused, because a
// backup of the wrong server would be noticed only when it is needed.
import { KeepError } from "../errors.ts";
import { Secret } from "../util/secret.ts";
import { rememberSecret } from "../util/redact.ts";
import { isDatabaseName } from "./fields.ts";
import { parseConnectionString } from "./connection-string.ts";
import type { ConnectionFacts } from "./connection-string.ts";
import type { Lookup } from "./lookup.ts";
import { OWN_URI } from "./names.ts";
import { formatUri, refuseDisagreement, refuseHalfLogin } from "./uri-parts.ts";
import type { UriParts } from "./uri-parts.ts";
import { withoutApplicationOptions } from "./uri-options.ts";
import type { ReadValues } from "./values.ts";

export interface Connection {
  readonly uri: Secret | null;
  /** The setting of the URI, e.g. "MONGODB_URI"; null if there is none. */
  readonly uriName: string | null;
  readonly hosts: readonly string[];
  readonly databases: readonly string[] | null;
  readonly warnings: readonly string[];
}

/** Another login on the same server. */
export interface RestoreLogin {
  readonly uri: Secret;
  readonly uriName: string;
  /** As in the settings: free of credentials. */
  readonly hosts: readonly string[];
}

/** null: restores use the same login as backups. @throws KeepError bad-setting */
export function readRestoreLogin({ values }: ReadValues): RestoreLogin | null {
  const uriName = "MONGOKEEP_RESTORE_URI";
  const written = values[uriName];
  if (written === undefined) return null;
  const { password, hosts } = parseConnectionString(written, uriName);
  if (password !== null) rememberSecret(password);
  return { uri: new Secret(withoutApplicationOptions(written).uri), uriName, hosts };
}

/** `parts.tlsCaFile` is absolute. @throws KeepError bad-setting */
export function readConnection(read: ReadValues, parts: UriParts, lookup: Lookup): Connection {
  const chosen = chooseUri(read, parts, lookup);
  const facts = chosen && parseConnectionString(chosen.uri, chosen.name);
  if (facts?.password != null) rememberSecret(facts.password);
  const { databases, warnings } = chooseDatabases(read, facts, lookup);
  const kept = chosen && withoutApplicationOptions(chosen.uri);
  return {
    uri: kept && new Secret(kept.uri),
    uriName: chosen?.name ?? null,
    hosts: facts?.hosts ?? [],
    databases,
    warnings: [
      ...warnings,
      ...lonelyParts(read, chosen !== null),
      ...(kept?.unknown ?? []).map((option) => leftOut(chosen?.name ?? "", option)),
    ],
  };
}

const leftOut = (setting: string, option: string) =>
  `${setting} has the option ${JSON.stringify(option)}, which mongokeep does not know and leaves out`;

function chooseUri(
  { values, found }: ReadValues,
  parts: UriParts,
  lookup: Lookup,
): { uri: string; name: string } | null {
  if (values.MONGOKEEP_URI !== undefined) return { uri: values.MONGOKEEP_URI, name: OWN_URI };
  const whole = found.get("MONGODB_URI");
  const host = found.get("MONGODB_HOST");
  if (values.MONGODB_URI !== undefined && whole && !(host && host.level < whole.level)) {
    refuseDisagreement(parseConnectionString(values.MONGODB_URI, whole.name), whole, found, parts);
    return { uri: values.MONGODB_URI, name: whole.name };
  }
  if (values.MONGODB_HOST !== undefined) {
    refuseHalfLogin(parts);
    return { uri: formatUri({ ...parts, host: values.MONGODB_HOST }), name: "MONGODB_HOST" };
  }
  const shared = lookup.find(["DATABASE_URL"]);
  if (shared === null || !/^mongodb(\+srv)?:\/\//.test(shared.text.trim())) return null;
  return { uri: shared.text.trim(), name: "DATABASE_URL" };
}

/** MONGODB_DATABASE, else the URI's path, else DB_NAME (which may belong to another database server), else all. */
function chooseDatabases({ values }: ReadValues, facts: ConnectionFacts | null, lookup: Lookup) {
  const shared = lookup.find(["DB_NAME"])?.text.trim();
  const chosen = values.MONGODB_DATABASE ?? (facts?.database == null ? null : [facts.database]);
  if (chosen === null && shared !== undefined) {
    if (!isDatabaseName(shared)) throw badDatabase("DB_NAME", shared);
    return { databases: [shared], warnings: [] };
  }
  const differs = shared !== undefined && chosen !== null && !chosen.includes(shared);
  const warning = `DB_NAME is ${JSON.stringify(shared)}, and is not used: ${values.MONGODB_DATABASE ? "MONGODB_DATABASE" : "the URI"} names ${chosen?.join(", ") ?? ""}`;
  return { databases: chosen, warnings: differs ? [warning] : [] };
}

function badDatabase(name: string, value: string): KeepError {
  return new KeepError("bad-setting", `${name} (${JSON.stringify(value)}) is not a database name`, {
    hint: "A right value looks like this: surg.",
    details: { setting: name },
  });
}

/** A login without a host may belong to the database container of the same .env: a warning, not an error. */
function lonelyParts({ found }: ReadValues, hasUri: boolean): string[] {
  const part = (["MONGODB_USERNAME", "MONGODB_PASSWORD", "MONGODB_PORT"] as const).find((name) =>
    found.has(name),
  );
  if (hasUri || part === undefined) return [];
  return [`${found.get(part)?.name ?? part} is set, but neither MONGODB_HOST nor MONGODB_URI is`];
}
