// Accounts and kinds of collections for the matrix of rights: what an account is granted, what a database holds
// when it is backed up and what it has become since, and everything a restore could change of it.
import { EJSON } from "bson";
import type { Db, Document, MongoClient } from "mongodb";

export interface Account {
  readonly name: string;
  /** Roles for an account that works on one database. */
  readonly roles: (database: string) => readonly { readonly role: string; readonly db: string }[];
  /** A role of its own on single collections, with these actions. */
  readonly single?: readonly string[];
  /** It restores everything. */
  readonly mayAll?: true;
}

const any =
  (...roles: readonly string[]): Account["roles"] =>
  () =>
    roles.map((role) => ({ role, db: "admin" }));
const own =
  (...roles: readonly string[]): Account["roles"] =>
  (db) =>
    roles.map((role) => ({ role, db }));

/** What an owner could do by hand to one collection. */
const ALL_ON_ONE: readonly string[] = [
  ...["find", "insert", "update", "remove", "bypassDocumentValidation", "collMod", "collStats"],
  ...["createCollection", "dropCollection", "createIndex", "dropIndex", "listIndexes"],
  "convertToCapped",
];

export const ACCOUNTS: readonly Account[] = [
  { name: "root", roles: any("root"), mayAll: true },
  { name: "backup and restore", roles: any("backup", "restore") },
  {
    name: "as README says",
    roles: any("backup", "restore", "readWriteAnyDatabase"),
    mayAll: true,
  },
  { name: "dbOwner", roles: own("dbOwner") },
  { name: "readWrite", roles: own("readWrite") },
  { name: "readWrite and dbAdmin", roles: own("readWrite", "dbAdmin") },
  {
    name: "like an Atlas admin",
    roles: any("readWriteAnyDatabase", "dbAdminAnyDatabase", "clusterMonitor", "backup"),
  },
  { name: "readWriteAnyDatabase", roles: any("readWriteAnyDatabase") },
  {
    name: "all but restore",
    roles: any("readWriteAnyDatabase", "dbAdminAnyDatabase", "userAdminAnyDatabase"),
  },
  { name: "restore alone", roles: any("restore") },
  { name: "single collections", roles: () => [], single: ALL_ON_ONE },
];

export interface Kind {
  readonly name: string;
  /** What the backup holds. */
  readonly fill: (db: Db) => Promise<unknown>;
  /** What it becomes until the restore. */
  readonly change: (db: Db) => Promise<unknown>;
  /** Accounts that a restore brought stay after its rollback: takes them away again. */
  readonly dropAccounts?: (db: Db) => Promise<unknown>;
}

const some = (db: Db, name = "c") =>
  db.collection(name).insertMany([
    { _id: 1 as never, n: 1 },
    { _id: 2 as never, n: 2 },
  ]);
const more = (db: Db) => db.collection("c").insertOne({ _id: 3 as never, n: 3 });
/** Not yet expired, and the same each time. */
const NOW = new Date();
const series = {
  timeseries: { timeField: "at", metaField: "of" },
  expireAfterSeconds: 86_400,
} as const;
const storedFunction = (db: Db, body: string) =>
  db
    .collection("system.js")
    .replaceOne({ _id: "double" as never }, { value: body }, { upsert: true });

const dropNurse = async (db: Db) => {
  await db.command({ dropAllUsersFromDatabase: 1 });
  await db.command({ dropAllRolesFromDatabase: 1 });
};

export const KINDS: readonly Kind[] = [
  {
    name: "indexes",
    fill: async (db) => {
      await some(db);
      await db.collection("c").createIndexes([
        { key: { n: 1 }, unique: true },
        { key: { at: 1 }, expireAfterSeconds: 86_400 },
      ]);
    },
    change: more,
  },
  {
    name: "validator",
    fill: async (db) => {
      await db.createCollection("c", {
        validator: { n: { $lt: 100 } },
        collation: { locale: "de" },
      });
      await some(db);
    },
    change: more,
  },
  {
    name: "capped",
    fill: async (db) => {
      await db.createCollection("c", { capped: true, size: 4096 });
      await some(db);
    },
    change: more,
  },
  {
    name: "clustered",
    fill: async (db) => {
      const clusteredIndex = { key: { _id: 1 }, unique: true };
      await db.createCollection("c", { clusteredIndex, expireAfterSeconds: 86_400 });
      await some(db);
    },
    change: more,
  },
  {
    name: "view",
    fill: async (db) => {
      await some(db);
      await db.createCollection("v", { viewOn: "c", pipeline: [{ $match: { n: 1 } }] });
    },
    change: async (db) => {
      await db.collection("v").drop();
      await db.createCollection("v", { viewOn: "c", pipeline: [{ $match: { n: 2 } }] });
    },
  },
  {
    name: "time series",
    fill: async (db) => {
      await db.createCollection("vitals", series);
      await db.collection("vitals").insertOne({ at: NOW, of: 1, hr: 60 });
    },
    change: (db) => db.collection("vitals").insertOne({ at: NOW, of: 2, hr: 61 }),
  },
  {
    name: "stored functions",
    fill: async (db) => {
      await some(db);
      await storedFunction(db, "function (n) { return 2 * n; }");
    },
    change: async (db) => {
      await more(db);
      await storedFunction(db, "function (n) { return n + n; }");
    },
  },
  {
    name: "accounts",
    fill: async (db) => {
      await some(db);
      await db.command({ createRole: "reader", privileges: [], roles: ["read"] });
      await db.command({ createUser: "nurse", pwd: "x", roles: ["reader"] });
    },
    change: async (db) => {
      await more(db);
      await dropNurse(db);
    },
    dropAccounts: dropNurse,
  },
  {
    name: "a plain one where a capped one is now",
    fill: (db) => some(db),
    change: async (db) => {
      await db.collection("c").drop();
      await db.createCollection("c", { capped: true, size: 4096 });
      await more(db);
    },
  },
  {
    name: "a plain one where a time series is now",
    fill: (db) => some(db),
    change: async (db) => {
      await db.collection("c").drop();
      await db.createCollection("c", series);
      await db.collection("c").insertOne({ at: NOW, of: 2 });
    },
  },
  {
    name: "a view where a plain one is now",
    fill: async (db) => {
      await some(db, "base");
      await db.createCollection("c", { viewOn: "base", pipeline: [] });
    },
    change: async (db) => {
      await db.collection("c").drop();
      await some(db);
    },
  },
];

/** By name. */
export interface State {
  readonly data: Readonly<Record<string, string>>;
  readonly accounts: Readonly<Record<string, string>>;
}

/** Everything of a database that a restore could change; UUIDs aside. */
export async function stateOf(
  db: Db,
  isPart = (name: string) => name !== "system.views",
): Promise<State> {
  const data: Record<string, string> = {};
  for (const info of await db.listCollections({}, { nameOnly: false }).toArray()) {
    if (!isPart(info.name)) continue;
    const isData = info.type === "collection";
    const found = db.collection(info.name);
    const documents = isData ? await found.find().sort({ _id: 1 }).toArray() : [];
    const indexes = isData ? await found.listIndexes().toArray() : [];
    const texts = indexes.map((index) => EJSON.stringify(index)).sort();
    data[info.name] = EJSON.stringify([info.type, info.options, texts, documents]);
  }
  return { data, accounts: await accountsOf(db) };
}

async function accountsOf(db: Db): Promise<Record<string, string>> {
  const { users } = (await db.command({ usersInfo: 1 })) as { users: Document[] };
  const { roles } = (await db.command({ rolesInfo: 1 })) as { roles: Document[] };
  const of = (list: Document[], kind: string) =>
    list.map((one) => {
      const name = `${kind} ${String(one[kind])}`;
      return [name, EJSON.stringify(one.roles)] as const;
    });
  return Object.fromEntries([...of(users, "user"), ...of(roles, "role")]);
}

/** A login of that name in `admin`, with the password "x". */
export async function createAccount(
  client: MongoClient,
  account: Account,
  user: string,
  database: string,
): Promise<void> {
  const admin = client.db("admin");
  const roles: unknown[] = [...account.roles(database)];
  if (account.single) {
    const names = ["c", "v", "base", "vitals", "system.js", "system.buckets.c"];
    const privileges = [
      ...names.map((collection) => {
        return { resource: { db: database, collection }, actions: account.single };
      }),
      { resource: { db: database, collection: "" }, actions: ["listCollections", "listIndexes"] },
    ];
    await admin.command({ createRole: `role_${user}`, privileges, roles: [] });
    roles.push(`role_${user}`);
  }
  await admin.command({ createUser: user, pwd: "x", roles });
}
