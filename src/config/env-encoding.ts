// The bytes of a .env to text. The file may be the application's, and written over the years by many editors.
import { KeepError } from "../errors.ts";

export interface DecodedText {
  readonly text: string;
  /** Not all of it is UTF-8: what is not has become REPLACED. */
  readonly isLoose: boolean;
}

/** What stands in place of bytes that are no UTF-8. */
export const REPLACED = "\ufffd";

/** @throws KeepError bad-setting for what is no text at all */
export function decodeEnvText(bytes: Uint8Array, path: string): DecodedText {
  const [first, second] = bytes;
  // Windows' editors call it "Unicode"; its mark leaves no doubt.
  if (first === 0xff && second === 0xfe) return exact("utf-16le", bytes);
  if (first === 0xfe && second === 0xff) return exact("utf-16be", bytes);
  if (bytes.includes(0))
    throw new KeepError("bad-setting", `settings file ${path} is not text: it has zero bytes`, {
      hint: "Save it as UTF-8: it is a file of another kind, or UTF-16 without a mark.",
    });
  try {
    return exact("utf-8", bytes);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return { text: new TextDecoder("utf-8").decode(bytes), isLoose: true };
  }
}

function exact(encoding: string, bytes: Uint8Array): DecodedText {
  return { text: new TextDecoder(encoding, { fatal: true }).decode(bytes), isLoose: false };
}
