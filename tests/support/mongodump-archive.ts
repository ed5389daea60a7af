// Archives in the format of `mongodump --archive`, made without mongodump: to be wrong in every way.
import { BSON } from "mongodb";
import { createCrc64 } from "../../src/archive/crc64.ts";

export const MAGIC = Buffer.from("6de29981", "hex");
export const TERMINATOR = Buffer.from("ffffffff", "hex");

export const raw = (document: BSON.Document) => Buffer.from(BSON.serialize(document));

export const header = (version = "0.1") =>
  raw({ concurrent_collections: 4, version, server_version: "6.0.5", tool_version: "100.7.0" });

/** The options of a view or a time series as mongodump writes them; none for a collection. */
export function optionsOf(type: string): object {
  if (type === "view") return { options: { viewOn: "patients", pipeline: [] } };
  return type === "timeseries" ? { options: { timeseries: { timeField: "at" } } } : {};
}

/** An entry of the list; the metadata is what the type needs unless given. */
export function entry(db: string, collection: string, type = "collection", metadata?: string) {
  const told =
    metadata ??
    JSON.stringify({ ...optionsOf(type), indexes: [], collectionName: collection, type });
  return raw({ db, collection, metadata: told, size: 0, type });
}

/** A block of documents. */
export function block(db: string, collection: string, documents: readonly Buffer[]): Buffer {
  const head = raw({ db, collection, EOF: false, CRC: BSON.Long.ZERO });
  return Buffer.concat([head, ...documents, TERMINATOR]);
}

/** The end of a collection, with the checksum of these documents. */
export function end(db: string, collection: string, documents: readonly Buffer[]): Buffer {
  const crc = createCrc64();
  for (const document of documents) crc.add(document);
  const CRC = BSON.Long.fromBigInt(crc.value());
  return Buffer.concat([raw({ db, collection, EOF: true, CRC }), TERMINATOR]);
}

export function archiveOf(list: readonly Buffer[], blocks: readonly Buffer[]): Buffer {
  return Buffer.concat([MAGIC, header(), ...list, TERMINATOR, ...blocks]);
}

export const patients = (count: number, from = 0) =>
  Array.from({ length: count }, (_, n) => raw({ _id: from + n, name: `patient ${from + n}` }));

/** Two collections whose blocks alternate, and a view. */
export function goodArchive(): Buffer {
  const [a, b] = [patients(5), patients(3, 100)];
  return archiveOf(
    [entry("surg", "patients"), entry("surg", "visits"), entry("surg", "adults", "view")],
    [
      block("surg", "patients", a.slice(0, 2)),
      block("surg", "visits", b),
      block("surg", "adults", []),
      end("surg", "adults", []),
      block("surg", "patients", a.slice(2)),
      end("surg", "visits", b),
      end("surg", "patients", a),
    ],
  );
}
