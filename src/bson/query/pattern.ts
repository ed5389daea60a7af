// The server's regular expressions are PCRE, ours JavaScript's. Its strict reading (flag u) refuses what it does
// not know: possessive marks, \A, inline options. What both know and mean differently is translated here.
const SPACES = "\\t\\n\\v\\f\\r ";
/** Before the newline that ends a text, too. */
const END = "(?=\\n?(?![^]))";
const END_OF_LINE = "(?=\\n|(?![^]))";
/** Not behind the newline that ends a text. */
const START_OF_LINE = "(?:(?<![^])|(?<=\\n)(?=[^]))";
const NO_NEWLINE = "[^\\n]";

/** `options`: of i, m and s. @throws SyntaxError for what JavaScript cannot read */
export function createPattern(source: string, options: string): RegExp {
  const isMultiline = options.includes("m");
  const meanings: Readonly<Record<string, string>> = {
    ".": options.includes("s") ? "[^]" : NO_NEWLINE,
    $: isMultiline ? END_OF_LINE : END,
    "^": isMultiline ? START_OF_LINE : "^",
    "\\s": `[${SPACES}]`,
    "\\S": `[^${SPACES}]`,
  };
  // First as it stands: a translation must not make sense of what has none.
  new RegExp(source, "u");
  const flags = options.includes("i") ? "iu" : "u";
  return new RegExp(translate(source, meanings), flags);
}

function translate(source: string, meanings: Readonly<Record<string, string>>): string {
  let inClass = false;
  // An escape is one token: what follows a backslash is not what it looks like.
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
