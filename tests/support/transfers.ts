// Writers that never pause: money moves between two collections in transactions, so that whatever is not one
// instant has a wrong sum.
import { MongoServerSelectionError } from "mongodb";
import type { Db, MongoClient } from "mongodb";

const ACCOUNTS = 200;
const START = 1_000;
const WRITERS = 3;

/** The sum over both collections at every instant. */
export const ALL_CENTS = 2 * ACCOUNTS * START;

export interface Transfers {
  /** So many so far. */
  readonly count: () => number;
  stop(): Promise<void>;
}

/** Each transaction takes from one collection what it gives to the other, or opens and closes an account. */
export function startTransfers(client: MongoClient, database: string): Transfers {
  const db = client.db(database);
  let stopped = false;
  let transfers = 0;
  const pick = () => Math.floor(Math.random() * ACCOUNTS) as never;
  const transfer = async () => {
    const session = client.startSession();
    const amount = 1 + Math.floor(Math.random() * 50);
    const [from, to] = Math.random() < 0.5 ? ["checking", "savings"] : ["savings", "checking"];
    try {
      await session.withTransaction(async () => {
        await db
          .collection(from)
          .updateOne({ _id: pick() }, { $inc: { cents: -amount } }, { session });
        if (Math.random() < 0.2) await db.collection(to).insertOne({ cents: amount }, { session });
        else
          await db
            .collection(to)
            .updateOne({ _id: pick() }, { $inc: { cents: amount } }, { session });
      });
      transfers++;
    } catch (error) {
      // An election may outlast the driver's patience: all of it was transferred then, or nothing.
      if (!(error instanceof MongoServerSelectionError)) throw error;
    } finally {
      await session.endSession();
    }
  };
  const working = Array.from({ length: WRITERS }, async () => {
    while (!stopped) await transfer();
  });
  return {
    count: () => transfers,
    stop: async () => {
      stopped = true;
      await Promise.all(working);
    },
  };
}

/** What is there now, read without an instant: for data at rest. */
export async function centsIn(client: MongoClient, database: string): Promise<number> {
  let total = 0;
  for (const name of ["checking", "savings"]) {
    const group = { $group: { _id: null, cents: { $sum: "$cents" } } };
    const [sum] = await client.db(database).collection(name).aggregate([group]).toArray();
    total += Number(sum?.cents ?? 0);
  }
  return total;
}

export async function openAccounts(db: Db): Promise<void> {
  const accounts = Array.from({ length: ACCOUNTS }, (_, i) => ({ _id: i as never, cents: START }));
  for (const name of ["checking", "savings"]) await db.collection(name).insertMany(accounts);
  // Read between the two: so that without one instant a transfer would be seen by half.
  const filler = Array.from({ length: 3_000 }, (_, i) => ({ i, text: "between ".repeat(100) }));
  await db.collection("between").insertMany(filler);
}
