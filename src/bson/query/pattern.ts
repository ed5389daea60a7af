// The server uses PCRE, this code JavaScript's regular expressions. Its strict mode (flag u) refuses unknown syntax:
// possessive quantifiers, \A, inline options. Syntax that both have with different meaning is translated here.
const SPACES = "\\t\\n\\v\\f\\r ";
/** Also matches before a newline at the end of the text. */
const END = "(?=\\n?(?![^]))";
const END_OF_LINE = "(?=\\n|(?![^]))";
/** Does not match after a newline at the end of the text. */
const START_OF_LINE = "(?:(?<![^])|(?<=\\n)(?=[^]))";
const NO_NEWLINE = "[^\\n]";

/** `options`: any of i, m and s. @throws SyntaxError for syntax that JavaScript does not have */
export function createPattern(source: string, options: string): RegExp {
  const isMultiline = options.includes("m");
  const meanings: Readonly<Record<string, string>> = {
    ".": options.includes("s") ? "[^]" : NO_NEWLINE,
    $: isMultiline ? END_OF_LINE : END,
    "^": isMultiline ? START_OF_LINE : "^",
    "\\s": `[${SPACES}]`,
    "\\S": `[^${SPACES}]`,
  };
  // Tried unchanged first: a translation must not make an invalid pattern valid.
  new RegExp(source, "u");
  const flags = options.includes("i") ? "iu" : "u";
  return new RegExp(translate(source, meanings), flags);
}

function translate(source: string, meanings: Readonly<Record<string, string>>): string {
  let inClass = false;
  // An escape is one token: the character after a backslash has no meaning of its own.
  return source.replace(/\\[^]|[[\].$^]/g, (token) => {
    if (token === "[" || token === "]") {
      inClass = token === "[";
      return token;
    }
    if (!inClass) return meanings[token] ?? token;
    if (token === "\\S") throw new SyntaxError("\\S within a class");
    return token === "\\s" ? SPACES : token;
  });
}
