// What stands under which name in a database, as the swap compares it.
import type { MongoClient } from "mongodb";
import { findElement, findString } from "../../bson/element.ts";
import { uuidOf } from "../../mongo/namespaces.ts";
import { asBuffer } from "../../mongo/read-indexes.ts";
import { driverError } from "../../mongo/server-error.ts";
import type { Standing } from "./swap-plan.ts";

/** All of a database, the server's own and ours included. */
export async function readStandings(
  client: MongoClient,
  database: string,
): Promise<Map<string, Standing>> {
  const found = new Map<string, Standing>();
  try {
    const cursor = client.db(database).listCollections({}, { nameOnly: false, raw: true });
    for await (const raw of cursor as unknown as AsyncIterable<Uint8Array>) {
      const b = asBuffer(raw);
      found.set(findString(b, 0, "name") ?? "", describe(b));
    }
  } catch (error) {
    throw driverError("list", database, error);
  }
  return found;
}

function describe(b: Buffer): Standing {
  const type = findString(b, 0, "type");
  if (type === "timeseries") return { kind: "timeseries" };
  if (type === "view") {
    const options = findElement(b, 0, "options");
    return { kind: "view", options: options ? optionsText(subDocument(b, options.at)) : "" };
  }
  return { kind: "collection", uuid: uuidOf(b) ?? "" };
}

const subDocument = (b: Buffer, at: number) => b.subarray(at, at + b.readInt32LE(at));

/** A view's options as they are compared and written down: every byte, which Extended JSON would not keep. */
export function optionsText(options: Uint8Array): string {
  return Buffer.from(options).toString("base64");
}

/** Raw BSON again. */
export function optionsBytes(text: string): Buffer {
  return Buffer.from(text, "base64");
}
