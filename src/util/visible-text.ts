// Names and notes come from data: nothing in them may move the cursor, fake a line or turn the text around.

/** C0 and C1 controls, line and paragraph separators, bidi marks, invisible characters, lone surrogates. */
const UNSAFE =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

/** The text on one line, with whatever a terminal would obey written out: `\u001b[31m`. */
export function escapeText(text: string): string {
  return text.replace(
    UNSAFE,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
