// Thousands of random documents through backup and restore. A failure names its seed: SEED=… repeats it.
// SLOW=1 goes on for many more.
import assert from "node:assert/strict";
import { Timestamp } from "mongodb";
import { insertRaw } from "../support/raw-insert.ts";
import { rawDocuments } from "../support/raw-documents.ts";
import { requires } from "../support/requires.ts";
import { thereAndBack } from "../support/there-and-back.ts";

const { SEED, SLOW } = process.env;
const ROUNDS = SLOW === "1" ? 20 : 1;
const DOCUMENTS = 4_000;
const MESSAGE_DOCUMENTS = 1_000;
const COMPRESSIONS = ["gzip", "zstd", "none"] as const;

requires(
  { topology: "replicaSet" },
  "thousands of random documents, of every type and with every kind of name, come back byte for byte",
  async (t, fresh) => {
    const first = SEED === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(SEED);
    for (let seed = first; seed < first + ROUNDS; seed++)
      try {
        await fresh.db.dropDatabase();
        const documents = rawDocuments(seed, DOCUMENTS);
        for (let at = 0; at < documents.length; at += MESSAGE_DOCUMENTS)
          await insertRaw(
            fresh.serverUri,
            fresh.name,
            "random",
            documents.slice(at, at + MESSAGE_DOCUMENTS),
          );
        // An insert replaces empty timestamps at the top level; an update does not.
        const empty = { $literal: new Timestamp({ t: 0, i: 0 }) };
        const some = { _id: { $mod: [40, 1] } };
        await fresh.db.collection("random").updateMany(some as object, [{ $set: { empty } }]);
        const compression = COMPRESSIONS[seed % COMPRESSIONS.length];
        const { backup } = await thereAndBack(t, fresh, { BACKUP_COMPRESSION: compression });
        assert.equal(backup.totals.documents, DOCUMENTS);
      } catch (error) {
        throw new Error(`with SEED=${seed}`, { cause: error });
      }
  },
);
