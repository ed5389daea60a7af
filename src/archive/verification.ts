// verification.json: when a backup was last verified and what was found. Derived, with its own checksum;
// never a source of what is expected (AMENDMENTS 15).
import { sha256Of } from "../util/sha256.ts";

export type VerifyLevel = "quick" | "full" | "drill";

export interface Problem {
  /** Relative to the backup. */
  readonly file: string;
  /** Counted from 0; null where the whole file is meant. */
  readonly chunk: number | null;
  /** Counted from 0 within the file; null where no document is meant. */
  readonly document: number | null;
  readonly problem: string;
}

export interface VerifiedCollection {
  readonly database: string;
  readonly name: string;
  readonly documents: number;
  readonly rawBytes: number;
  readonly contentHash: string | null;
}

export interface Verification {
  readonly schema: 1;
  readonly id: string;
  readonly ok: boolean;
  readonly level: VerifyLevel;
  /** ISO 8601, UTC. */
  readonly verifiedAt: string;
  readonly seconds: number;
  readonly problems: readonly Problem[];
  readonly collections: readonly VerifiedCollection[];
}

export function formatVerification(verification: Verification): string {
  const body = JSON.stringify(verification, null, 2);
  return `${body.slice(0, -2)},\n  "sha256": "${sha256Of(body)}"\n}\n`;
}

/** null where the text is not a verification as it was written. */
export function parseVerification(text: string): Verification | null {
  try {
    const { sha256, ...rest } = JSON.parse(text) as Verification & { sha256: unknown };
    return sha256 === sha256Of(JSON.stringify(rest, null, 2)) ? rest : null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
