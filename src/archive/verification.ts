// verification.json: when a backup was last verified and what was found. Derived, with its own checksum;
// never a source of what is expected.
import { z } from "zod";
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
  /** As in the manifest; absent in verifications of earlier versions. */
  readonly newestId?: string | null;
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

const count = z.int().nonnegative();

const schema: z.ZodType<Verification> = z.object({
  schema: z.literal(1),
  id: z.string(),
  ok: z.boolean(),
  level: z.enum(["quick", "full", "drill"]),
  verifiedAt: z.iso.datetime(),
  seconds: z.number(),
  problems: z.array(
    z.object({
      file: z.string(),
      chunk: count.nullable(),
      document: count.nullable(),
      problem: z.string(),
    }),
  ),
  collections: z.array(
    z.object({
      database: z.string(),
      name: z.string(),
      documents: count,
      rawBytes: count,
      contentHash: z.string().nullable(),
      newestId: z.iso.datetime().nullable().exactOptional(),
    }),
  ),
});

/** null where the text is not a verification as it was written. */
export function parseVerification(text: string): Verification | null {
  try {
    const { sha256, ...rest } = Object(JSON.parse(text)) as Record<string, unknown>;
    if (sha256 !== sha256Of(JSON.stringify(rest, null, 2))) return null;
    return schema.safeParse(rest).data ?? null;
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
