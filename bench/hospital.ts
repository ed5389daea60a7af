// The documents of the benchmark: a hospital's patients, operations with notes, audit trail and scans.
// 1.2 million documents, 859 MB of BSON; the same seed gives the same bytes.
import { Binary, ObjectId } from "mongodb";
import type { Document, IndexDescription } from "mongodb";
import type { Random } from "../tests/support/random.ts";
import type { Prose } from "./prose.ts";

/** BSON of the whole set at scale 1. */
export const WHOLE_MEGABYTES = 859;

export interface CollectionRecipe {
  readonly name: string;
  /** Documents at scale 1. */
  readonly documents: number;
  readonly indexes: readonly IndexDescription[];
  readonly make: (n: number, random: Random, prose: Prose) => Document;
}

export const HOSPITAL: readonly CollectionRecipe[] = [
  {
    name: "patients",
    documents: 200_000,
    indexes: [{ key: { mrn: 1 }, unique: true }, { key: { "name.family": 1, born: 1 } }],
    make: makePatient,
  },
  {
    name: "operations",
    documents: 600_000,
    indexes: [{ key: { patient: 1, performedAt: -1 } }, { key: { kind: 1 } }],
    make: makeOperation,
  },
  { name: "audit", documents: 399_000, indexes: [{ key: { at: 1 } }], make: makeAudit },
  { name: "scans", documents: 1_000, indexes: [{ key: { patient: 1 } }], make: makeScan },
];

const FAMILY =
  "Adams Baker Clark Díaz Evans Fischer García Hughes Ivanova Jansen Kowalski Lopez Müller Nguyen O'Brien Patel Quinn Rossi Schmidt Tanaka Usman Varga Weber Xu Yılmaz Zhang".split(
    " ",
  );
const GIVEN =
  "Ada Ben Clara David Elif Farid Grace Hugo Ines Jan Kofi Lena Maria Noah Olga Paul Rosa Sven Tara Umar Vera Wei Yusuf Zoë".split(
    " ",
  );
const KINDS = [
  "appendectomy",
  "cholecystectomy",
  "hernia repair",
  "hip replacement",
  "cataract",
  "CABG",
  "tonsillectomy",
  "caesarean",
  "arthroscopy",
  "mastectomy",
];
const ACTIONS = ["read", "update", "print", "export", "login", "logout", "sign", "correct"];
const CITIES = ["Leiden", "Graz", "Porto", "Lund", "Leeds", "Gdańsk", "Cork", "Bologna"];
const FIRST_DAY = Date.UTC(2015, 0, 1);
const TEN_YEARS_MS = 3.1e11;

/** Spread over the id's whole range, as the ids of many machines are. */
function id(random: Random): ObjectId {
  return new ObjectId(random.bytes(12));
}

function day(random: Random): Date {
  return new Date(FIRST_DAY + Math.floor(random.unit() * TEN_YEARS_MS));
}

function makePatient(n: number, random: Random): Document {
  return {
    _id: id(random),
    mrn: `MRN-${String(n).padStart(8, "0")}`,
    name: { family: random.pick(FAMILY), given: [random.pick(GIVEN), random.pick(GIVEN)] },
    born: new Date(Date.UTC(1930, 0, 1) + random.below(2_700_000) * 1e6),
    sex: random.pick(["f", "m", "x"]),
    address: {
      street: `${random.pick(FAMILY)} street ${random.below(250)}`,
      city: random.pick(CITIES),
      postalCode: String(10_000 + random.below(89_999)),
    },
    phone: `+${10_000_000_000 + random.below(2 ** 32)}`,
    insurance: { number: random.bytes(6).toString("hex"), since: day(random) },
    allergies: Array.from({ length: random.below(4) }, () => random.below(100_000)),
    weightKg: Math.round(random.unit() * 900 + 400) / 10,
    updatedAt: day(random),
  };
}

function makeOperation(_n: number, random: Random, prose: Prose): Document {
  return {
    _id: id(random),
    patient: id(random),
    kind: random.pick(KINDS),
    performedAt: day(random),
    surgeon: `${random.pick(GIVEN)} ${random.pick(FAMILY)}`,
    minutes: 15 + random.below(400),
    vitals: {
      pulse: 50 + random.below(60),
      systolic: 95 + random.below(70),
      diastolic: 55 + random.below(40),
      saturation: random.unit(),
    },
    note: prose.write(random, 450 + random.below(1_040)),
  };
}

function makeAudit(n: number, random: Random): Document {
  return {
    _id: id(random),
    at: new Date(FIRST_DAY + n * 60_000 + random.below(60_000)),
    actor: `${random.pick(GIVEN)}.${random.pick(FAMILY)}`.toLowerCase(),
    action: random.pick(ACTIONS),
    target: id(random),
    ip: `10.${random.below(256)}.${random.below(256)}.${random.below(256)}`,
  };
}

/** Half noise, half a smooth gradient: what a compressor meets in images. */
function makeScan(n: number, random: Random): Document {
  const noise = random.bytes(16_000);
  const gradient = Buffer.from(Uint8Array.from({ length: 16_000 }, (_, at) => (at + n) >> 6));
  return {
    _id: id(random),
    patient: id(random),
    takenAt: day(random),
    modality: random.pick(["CT", "MR", "US", "CR"]),
    data: new Binary(Buffer.concat([noise, gradient])),
  };
}
