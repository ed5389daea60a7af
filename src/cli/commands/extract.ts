// mongokeep extract
import { toKeepError } from "../../errors.ts";
import { failureJson } from "../../report/outcome.ts";
import { escapeText } from "../../report/escape.ts";
import { helpEnd, keep, usage } from "../verb.ts";
import type { Stdout, Verb } from "../verb.ts";

interface ExtractFlags {
  readonly ns?: string;
  readonly query?: string;
  readonly limit?: string;
  readonly json?: boolean;
}

/** Bytes written at once. */
const PORTION = 64 * 1024;

export const extract: Verb<"extract"> = {
  name: "extract",
  define: (program, found) => {
    program
      .command("extract")
      .summary("print documents of a backup, without a server")
      .description(
        "Prints documents of one collection as canonical Extended JSON, one per line. Needs no server.\nOperators: $eq $ne $gt $gte $lt $lte $in $nin $exists $type $size $all $elemMatch $regex $not\n$and $or $nor; any other is refused.",
      )
      .argument("<backup>", "an id, a path, or latest; also a folder made by mongodump")
      .requiredOption("--ns <database.collection>", "the collection")
      .option("--query <json>", "only documents that match this Extended JSON query")
      .option("--limit <n>", "print at most N documents")
      .addHelpText(
        "after",
        helpEnd("0 done, also if nothing matches, 2 usage or settings, 3 the backup is damaged", [
          `extract latest --ns surg.patients --query '{"mrn": "123"}'`,
          `extract latest --ns surg.patients --query '{"_id": {"$oid": "65f0…"}}' --limit 1`,
        ]),
      )
      .action(keep(found));
  },
  check: ({ flags }) => {
    const { limit } = flags as ExtractFlags;
    if (limit !== undefined && !/^\d{1,15}$/.test(limit))
      throw usage(`--limit ${JSON.stringify(limit)} is not a whole number`);
  },
  execute: async ({ args, flags }, { run }, stdout) => {
    const { ns = "", query, limit, json } = flags as ExtractFlags;
    const { runExtract } = await import("../../jobs/inspect/extract.ts");
    const request = {
      backup: args[0] ?? "latest",
      namespace: ns,
      query: query ?? null,
      limit: limit === undefined ? null : Number(limit),
    };
    // In JSON, control characters can be escaped without changing the meaning.
    const writer = json === true ? createJson(stdout, ns) : createLines(stdout);
    try {
      const result = await run("extract", (context) =>
        runExtract(context, request, (ejson) => writer.write(escapeText(ejson), context.signal)),
      );
      await writer.end(null);
      return { result, text: () => "", isReport: true };
    } catch (error) {
      await writer.end(error);
      throw error;
    }
  },
};

interface Writer {
  /** false: nobody reads any more. A promise if a portion is being written. */
  readonly write: (ejson: string, signal: AbortSignal) => boolean | Promise<boolean>;
  /** With the failure that ended it, or null. */
  readonly end: (failure: unknown) => Promise<void>;
}

/** Whole portions; `end` writes the rest. */
function createLines(stdout: Stdout): Writer {
  stdout.take();
  const portion = createPortion(stdout);
  return {
    write: (ejson, signal) => portion.add(`${ejson}\n`, signal),
    end: async (failure) => {
      await portion.flushAtEnd(failure);
    },
  };
}

/** One object whose documents are written as they are found; a failure before them has its usual form. */
function createJson(stdout: Stdout, namespace: string): Writer {
  const portion = createPortion(stdout);
  let documents = 0;
  const add = (text: string, signal?: AbortSignal) => {
    stdout.take();
    return portion.add(text, signal);
  };
  const head = `{"namespace":${JSON.stringify(namespace)},"documents":[\n`;
  return {
    write: (ejson, signal) => add(`${documents++ === 0 ? head : ",\n"}${ejson}`, signal),
    end: async (failure) => {
      if (documents === 0 && failure !== null) return;
      if (documents === 0) await add(head);
      const end = failure === null ? { ok: true } : failureJson(toKeepError(failure));
      await add(`\n],${JSON.stringify(end).slice(1)}\n`);
      await portion.flushAtEnd(failure);
    },
  };
}

function createPortion(stdout: Stdout) {
  let waiting: string[] = [];
  let length = 0;
  let open = true;
  const flush = async (signal?: AbortSignal) => {
    const text = waiting.join("");
    [waiting, length] = [[], 0];
    if (text !== "" && open) open = await stdout.write(text, signal);
    return open;
  };
  return {
    /** The user sees the first failure; that the rest cannot be written adds nothing. */
    flushAtEnd: async (failure: unknown) => {
      if (failure === null) await flush();
      else await flush().catch(() => false);
    },
    add: (text: string, signal?: AbortSignal) => {
      waiting.push(text);
      length += text.length;
      return length < PORTION ? open : flush(signal);
    },
  };
}
