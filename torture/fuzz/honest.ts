// Whether a backup that passes verify contains what its manifest says: read with none of mongokeep's code except the
// content hash.
import { gunzipSync } from "node:zlib";
import { BSON } from "mongodb";
import { hashOf } from "./subject.ts";
import type { Subject } from "./subject.ts";

const DATA = /\.bson(\.gz|\.zst)?$/;
const METADATA = /\.metadata\.json(\.gz)?$/;

/** The first lie; null where there is none. */
export async function findLie(subject: Subject): Promise<string | null> {
  const { body, files } = subject;
  const owned = new Set<string>();
  for (const one of body.collections) {
    const namespace = `${one.database}.${one.name}`;
    for (const path of one.files) {
      if (owned.has(path)) return `${path} belongs to two collections`;
      if (!path.startsWith(`${one.database}/`)) return `${path} of ${namespace} is elsewhere`;
      if (!DATA.test(path) && !METADATA.test(path)) return `${path} of ${namespace} is of no kind`;
      owned.add(path);
    }
    const data = one.files.filter((path) => DATA.test(path));
    const metadata = one.files.filter((path) => METADATA.test(path));
    if (metadata.length !== 1) return `${namespace} has ${metadata.length} metadata files`;
    if (data.length !== (one.type === "view" ? 0 : 1))
      return `${namespace} has ${data.length} data files`;
    const said = findMetadataLie(files.get(metadata[0] ?? ""), one, body.engine);
    if (said !== null) return `${namespace}: ${said}`;
    const [path] = data;
    const lie = path === undefined ? null : await findDataLie(subject, path, one);
    if (lie !== null) return `${namespace}: ${lie}`;
    if (!body.databases.includes(one.database)) return `${one.database} is not in databases`;
  }
  const orphan = body.files.find(({ path }) => !owned.has(path) && !/^oplog|\$admin/.test(path));
  return orphan ? `${orphan.path} belongs to no collection` : null;
}

type Collection = Subject["body"]["collections"][number];

function findMetadataLie(
  stored: Buffer | undefined,
  one: Collection,
  engine: string,
): string | null {
  if (!stored) return "its metadata is not there";
  let read: { collectionName?: unknown; type?: unknown; indexes?: { name?: unknown }[] };
  try {
    const text = stored[0] === 0x1f ? gunzipSync(stored) : stored;
    read = JSON.parse(text.toString("utf8")) as typeof read;
  } catch (error) {
    return `its metadata is no JSON: ${String(error)}`;
  }
  const isOld = engine === "mongodump";
  if (read.collectionName !== one.name && !(isOld && (read.collectionName ?? "") === ""))
    return `its metadata is of ${String(read.collectionName)}`;
  // An empty type says nothing, as old versions of mongodump write it: then the options tell, which the reader compares.
  const type = read.type === "" ? one.type : (read.type ?? "collection");
  if (type !== one.type && !(isOld && type === "collection"))
    return `its metadata says ${String(read.type)}`;
  const names = (Array.isArray(read.indexes) ? read.indexes : []).map(({ name }) => String(name));
  const [there, told] = [names, [...one.indexes]].map((all) => JSON.stringify(all.sort()));
  return there === told ? null : `its indexes are ${String(there)}, and should be ${String(told)}`;
}

async function findDataLie(
  { files, raw, algorithm }: Subject,
  path: string,
  one: Collection,
): Promise<string | null> {
  const stored = files.get(path);
  const chunks = raw.get(path);
  if (!stored || !chunks) return `${path} is not there`;
  const whole = Buffer.concat([...chunks]);
  if (algorithm === "gzip" && !gunzipSync(stored).equals(whole))
    return "gunzip reads something else";
  if (algorithm === "none" && !stored.equals(whole)) return "its bytes are others";
  if (stored.length !== one.storedBytes) return `it has ${stored.length} bytes stored`;
  if (whole.length !== one.rawBytes) return `it has ${whole.length} bytes`;
  let documents = 0;
  for (let at = 0; at < whole.length; documents++) {
    const length = whole.readInt32LE(at);
    try {
      BSON.deserialize(whole.subarray(at, at + length), {
        promoteValues: false,
        bsonRegExp: true,
        validation: { utf8: false },
      });
    } catch (error) {
      // Servers take and give those with a wrong inner length; they are kept byte for byte.
      if (!String(error).includes("subtype 0x02"))
        return `document ${documents} is no BSON: ${String(error)}`;
    }
    at += length;
  }
  if (documents !== one.documents) return `it has ${documents} documents`;
  if (one.contentHash !== null && (await hashOf(whole)) !== one.contentHash)
    return "its hash is another";
  return null;
}
