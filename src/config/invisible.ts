// Characters that no editor shows, and that are copied along with a setting from a web page or a document.

/** Unusual blanks, zero-width characters, soft hyphens, direction and byte order marks. */
const CLASS =
  "\\u0085\\u00a0\\u00ad\\u1680\\u180e\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u2064\\u3000\\ufeff";
const INVISIBLE = new RegExp(`[${CLASS}]`);

/** At the beginning of a line, around a name and after its `=`, where they have no meaning. */
const AROUND_NAME = [
  [new RegExp(`^[ \\t]*[${CLASS}][ \\t${CLASS}]*`, "gm"), ""],
  [new RegExp(`^([ \\t]*[\\w.-]+)[ \\t]*[${CLASS}][ \\t${CLASS}]*=`, "gm"), "$1="],
  [new RegExp(`^([ \\t]*[\\w.-]+[ \\t]*=)[ \\t]*[${CLASS}][ \\t${CLASS}]*`, "gm"), "$1"],
] as const;

export function withoutInvisibleAroundNames(text: string): string {
  return INVISIBLE.test(text)
    ? AROUND_NAME.reduce((made, [found, by]) => made.replace(found, by), text)
    : text;
}

/** The first one in the form "U+00A0"; null: there is none. */
export function findInvisible(text: string): string | null {
  const found = INVISIBLE.exec(text)?.[0];
  if (found === undefined) return null;
  return `U+${found.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
}

export function withoutInvisible(text: string): string {
  return text.replaceAll(new RegExp(INVISIBLE, "g"), "");
}
