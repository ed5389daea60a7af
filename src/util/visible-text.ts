// Names and notes come from data: nothing in them may move the cursor, forge a line or reverse the text.

/**
 * Controls (C0, C1), format characters (bidi marks, invisible ones: zero width, soft hyphens, tags that hide text),
 * line and paragraph separators, lone surrogates.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** The text on one line, with everything that a terminal would interpret escaped as in JSON: `\u001b[31m`. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, (character) =>
    character
      .split("")
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}
