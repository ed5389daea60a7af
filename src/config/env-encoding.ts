// Decodes the bytes of a .env. The file may be the application's, written over years with many editors.
import { KeepError } from "../errors.ts";

export interface DecodedText {
  readonly text: string;
  /** Part of it is not UTF-8; those bytes have become REPLACED. */
  readonly isLoose: boolean;
}

/** Replaces bytes that are not UTF-8. */
export const REPLACED = "\ufffd";

/** @throws KeepError bad-setting for a file that is not text */
export function decodeEnvText(bytes: Uint8Array, path: string): DecodedText {
  const [first, second] = bytes;
  // Editors on Windows call it "Unicode"; the byte order mark identifies it.
  if (first === 0xff && second === 0xfe) return exact("utf-16le", bytes);
  if (first === 0xfe && second === 0xff) return exact("utf-16be", bytes);
  if (bytes.includes(0))
    throw new KeepError("bad-setting", `settings file ${path} is not text: it has zero bytes`, {
      hint: "Save it as UTF-8: it is another kind of file, or UTF-16 without a byte order mark.",
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
