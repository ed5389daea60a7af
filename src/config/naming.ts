// Messages and hints mention MONGODB_URI: if the connection comes from another setting, that one is named instead.
import { KeepError } from "../errors.ts";

const OF_PARTS = "MONGODB_HOST";

/** The error with the setting's name instead of MONGODB_URI; any other error unchanged. */
export function naming(error: unknown, setting: string | null): unknown {
  if (!(error instanceof KeepError) || setting === null || setting === "MONGODB_URI") return error;
  const named = (text: string) => {
    const own = setting === OF_PARTS ? namingParts(text) : text;
    return own.replaceAll(/(?<![A-Z_])MONGODB_URI/g, setting);
  };
  const [message, hint] = [named(error.message), named(error.hint)];
  if (message === error.message && hint === error.hint) return error;
  return new KeepError(error.code, message, { hint, details: error.details, cause: error.cause });
}

function namingParts(text: string): string {
  return text
    .replace(
      "the user, the password and authSource in MONGODB_URI",
      "MONGODB_USERNAME, MONGODB_PASSWORD and MONGODB_AUTH_SOURCE",
    )
    .replace("MONGODB_URI names its host and port", "MONGODB_HOST and MONGODB_PORT name it")
    .replace("directConnection=true to MONGODB_URI", "MONGODB_DIRECT_CONNECTION=true to .env");
}
