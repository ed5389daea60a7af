// Removes secrets from texts of other programs (drivers, tools, servers) before anyone sees them. Text that might be a
// secret is removed too.
import { Secret } from "./secret.ts";

const MASK = "***";
/** Masking "a" everywhere would garble every message. URLs and key=value forms are masked at any length. */
const SHORTEST_KNOWN = 4;

/** Everything up to the last @ of a run without spaces: an unencoded @ or / in a password must not end it early. */
const URL_CREDENTIALS = /([a-z][a-z0-9+.-]*:\/\/)[^\s"'<>`]*@/gi;

const SECRET_NAME =
  "[\\w.-]*(?:passw(?:or)?d|passphrase|passwd|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|authorization)[\\w.-]*";
/** password=x, "password": "x", tlsCertificateKeyFilePassword=x, AWS_SESSION_TOKEN:x, --password x */
const NAMED_VALUE = new RegExp(
  `(["']?\\b${SECRET_NAME}["']?\\s*[=:]\\s*|--${SECRET_NAME}\\s+)` +
    `("(?:[^"\\\\]|\\\\.)*"|'(?:[^'\\\\]|\\\\.)*'|(?:(?:bearer|basic)\\s+)?[^\\s&;,"'}\\])]+)`,
  "gi",
);

const known = new Map<string, RegExp>();

/** From now on `redact` masks this value, unchanged and in the forms of URLs and JSON. */
export function rememberSecret(secret: Secret | string): void {
  const value = secret instanceof Secret ? secret.reveal() : secret;
  const forms = [
    value,
    encodeURIComponent(value),
    encodeURI(value),
    JSON.stringify(value).slice(1, -1),
  ];
  for (const form of forms) {
    if (form.length < SHORTEST_KNOWN || known.has(form)) continue;
    // Not inside a longer word: a weak password like "mongo" must not mask half of "mongodump".
    const literal = form.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
    known.set(form, new RegExp(`(?<![a-z0-9])${literal}(?![a-z0-9])`, "gi"));
  }
}

/** A word of a command that looks like a key or a password: long, with letters and digits, and not a path. */
const KEY_LIKE = /^(?![/~.])(?=.*[a-z])(?=.*\d).{12,}$/i;

/**
 * A shell command that may contain secrets: registers it as a whole, by line, and words that look like a secret,
 * because shells quote some in errors.
 */
export function rememberCommand(command: string): void {
  for (const line of command.split("\n")) if (line.length >= KEY_LINE) rememberSecret(line.trim());
  for (const word of command.split(/[\s'"`=;|&<>(){}]+/))
    if (KEY_LIKE.test(word)) rememberSecret(word);
}

/** Shorter lines ("exit 1") also occur in other messages. */
const KEY_LINE = 16;

/** The text without credentials in URLs, values of password-like names, and known secrets. */
export function redact(text: string): string {
  let shown = text;
  for (const pattern of known.values()) shown = shown.replace(pattern, MASK);
  return shown
    .replace(URL_CREDENTIALS, `$1${MASK}@`)
    .replace(NAMED_VALUE, (_whole, name: string) => `${name}${MASK}`);
}

/**
 * `redact`, with control characters (colour codes, cursor movement, a forged line) made visible. Tabs and line ends
 * stay.
 */
export function redactForTerminal(text: string): string {
  return redact(text).replace(
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** The redacted message of any thrown value, safe to show. */
export function messageOf(error: unknown): string {
  return redactForTerminal(error instanceof Error ? error.message : String(error));
}
