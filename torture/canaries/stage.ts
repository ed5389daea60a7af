// Runs mongokeep on a server with a login and a database full of secrets. After each run it searches for them in all
// output, files and process data.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { BSON, MongoClient } from "mongodb";
import type { Document } from "mongodb";
import { formatMetadata } from "../../src/archive/metadata.ts";
import { mongod, ownServer, ROOT } from "../../tests/support/servers.ts";
import { pathWithTools } from "../../tests/support/stock-tools.ts";
import { formatEnv, workspace } from "../../tests/support/workspace.ts";
import type { EnvValues, Workspace } from "../../tests/support/workspace.ts";
import { BUILT } from "../program/attack.ts";
import { assertHidden, createCanary, searchFiles } from "./canary.ts";
import type { Canary } from "./canary.ts";
import type { Ground } from "../runner/ground.ts";
import { runInProcess } from "../program/in-process.ts";
import { watchProcesses } from "../program/process-watch.ts";

export const DATABASE = "clinic";

/** Where each is put; a * is the secret itself. */
const SHAPES = {
  uriPassword: "p/ss:w@rd%#1-*",
  partsPassword: "hunter2 $(id) '*",
  wrongPassword: "wrong-*!",
  drillPassword: "drill-*",
  webhookToken: "T0*",
  pingToken: "ping-*",
  commandToken: "tok_*",
  serviceToken: "svc_*",
  jwtSecret: "jwt.*",
  awsKey: "AKIA*",
  keyFilePassword: "pem-*",
  mistyped: "typo-*",
  patient: "Erika Mustermann *",
  mrn: "MRN-*",
  fieldName: "allergy_*",
  uniqueValue: "SSN-*",
  geometry: "Wohnort *",
  language: "lang*",
  oplogValue: "insulin *",
  commentValue: "note\n* with a line break",
} as const;

export type Secrets = Readonly<Record<keyof typeof SHAPES, Canary>>;

export interface CanaryRun {
  readonly env?: EnvValues;
  /** The process environment. */
  readonly given?: Readonly<Record<string, string>>;
  /** .env as it is, instead of `env`. */
  readonly dotEnv?: string;
  /** What the user of this run put into a command line, where it then is. */
  readonly typed?: readonly Canary[];
  /** Any where not given; never that of an internal error. */
  readonly code?: number;
  /** Its command line must have been seen: else the watch has seen nothing. */
  readonly sees?: string;
}

export interface CanaryStage {
  readonly secrets: Secrets;
  readonly all: readonly Canary[];
  readonly quick: boolean;
  readonly client: MongoClient;
  /** host:port */
  readonly host: string;
  /** With a login: of `uriPassword` unless another. */
  readonly uri: (password?: Canary) => string;
  /** A project of its own, gone after the trial. */
  readonly enter: () => Promise<Project>;
}

export interface Project {
  readonly quick: boolean;
  readonly place: Workspace;
  readonly run: (args: readonly string[], options?: CanaryRun) => Promise<string>;
  /** The same without a process: what it says and writes is searched. */
  readonly speak: (args: readonly string[]) => Promise<void>;
  /** A stock dump of one collection, with indexes; its path. */
  readonly dump: (
    documents: readonly Document[],
    indexes: readonly Document[],
    oplog?: readonly Document[],
  ) => Promise<string>;
  readonly leave: () => Promise<void>;
}

export async function createCanaryStage(ground: Ground): Promise<CanaryStage> {
  const secrets = Object.fromEntries(
    Object.entries(SHAPES).map(([name, shape]) => [name, createCanary(name, shape, ground.random)]),
  ) as unknown as Secrets;
  const server = await ownServer(ground, { topology: "replicaSet", auth: ROOT });
  const client = await new MongoClient(server.uri).connect();
  ground.after(() => client.close());
  const host = new URL(server.uri.replace(/^mongodb:\/\/.*@/, "http://")).host;
  for (const user of ["uriPassword", "partsPassword", "drillPassword"] as const)
    await client
      .db("admin")
      .command({ createUser: user, pwd: secrets[user].text, roles: ["root"] });
  await fill(client, secrets);
  const all = Object.values(secrets);
  const stage: CanaryStage = {
    ...{ secrets, all, client, host, quick: ground.quick },
    uri: ({ name, text } = secrets.uriPassword) =>
      `mongodb://${name}:${encodeURIComponent(text)}@${host}/${DATABASE}?authSource=admin`,
    enter: () => enter(stage),
  };
  return stage;
}

/** Every place of a database in which an application's secrets stand. */
async function fill(client: MongoClient, of: Secrets): Promise<void> {
  const db = client.db(DATABASE);
  await db.createCollection("patients", {
    validator: { name: { $ne: of.patient.text } },
    validationLevel: "off",
  });
  const patients = Array.from({ length: 50 }, (_, n) => ({
    _id: n as never,
    name: of.patient.text,
    mrn: `${of.mrn.text}-${n}`,
    [of.fieldName.text]: true,
    comment: of.commentValue.text,
    key: of.awsKey.text,
  }));
  await db.collection("patients").insertMany(patients);
  await db
    .collection("patients")
    .createIndexes([
      { key: { mrn: 1 }, unique: true, partialFilterExpression: { name: of.patient.text } },
    ]);
  await db.createCollection("view", {
    viewOn: "patients",
    pipeline: [{ $match: { mrn: of.mrn.text } }],
  });
}

async function enter(stage: CanaryStage): Promise<Project> {
  const undo: (() => Promise<void>)[] = [];
  const place = await workspace({ after: (run) => void undo.push(run) });
  const path = await pathWithTools();
  const tmp = place.at("tmp");
  await mkdir(tmp);
  const base = {
    ...{ BACKUP_DIR: place.backupDir, DISK_WARN_FREE: "2MB", DISK_ABORT_FREE: "1MB" },
    ...{ MONGODB_URI: stage.uri(), JWT_SECRET: stage.secrets.jwtSecret.text },
    MONGOD_BINARY: (await mongod()).path,
  };
  const run: Project["run"] = async (args, options = {}) => {
    const text = options.dotEnv ?? formatEnv({ ...base, ...options.env });
    await writeFile(place.at(".env"), text, { mode: 0o600 });
    const env = { PATH: path, TMPDIR: tmp, ...options.given };
    const running = place.start(args, { ...BUILT, env });
    const watch = watchProcesses(running.pid);
    const { code, stdout, stderr } = await running.result;
    const shown = `${args.join(" ")}\n${stdout}\n${stderr}`;
    const untyped = stage.all.filter((one) => !options.typed?.includes(one));
    judgeProcesses(await watch.stop(), untyped, options.sees);
    assertHidden(stage.all, `stdout of ${args.join(" ")}`, stdout);
    assertHidden(stage.all, `stderr of ${args.join(" ")}`, stderr);
    await searchFiles(place.folder, stage.all, mayHold);
    if (options.code !== undefined) assert.equal(code, options.code, shown);
    assert.ok(!shown.includes("code=internal"), shown);
    return stdout;
  };
  const speak: Project["speak"] = async (args) => {
    await writeFile(place.at(".env"), formatEnv(base), { mode: 0o600 });
    const said = await runInProcess(args, place.at(".env"));
    const shown = `${args.join(" ")}\n${said.stdout}\n${said.stderr}\n${said.progress.join("\n")}`;
    assertHidden(stage.all, "output", shown);
    await searchFiles(place.folder, stage.all, mayHold);
    assert.ok(!shown.includes("code=internal"), shown);
  };
  const dump: Project["dump"] = async (documents, indexes, oplog) =>
    await writeDump(place.at("dump"), documents, indexes, oplog);
  return {
    ...{ place, run, speak, dump, quick: stage.quick },
    async leave() {
      for (let next = undo.pop(); next; next = undo.pop()) await next();
    },
  };
}

/** What the user wrote, what a dump consists of, data and definitions in a backup, views in the record of a swap. */
const mayHold = (path: string) =>
  /\/(\.env|checks\.txt|swap\.json)$|\/dump\/|\.(bson|ejson|metadata\.json)(\.gz|\.zst)?$/.test(
    path,
  );

function judgeProcesses(
  seen: readonly { depth: number; argv: string; environ: string }[],
  hidden: readonly Canary[],
  sees: string | undefined,
): void {
  const own = seen.filter(({ depth }) => depth === 0).map(({ argv }) => argv);
  for (const { depth, argv, environ } of seen) {
    assertHidden(hidden, "a command line", argv);
    // Between fork and exec a child shows what its parent has.
    if (depth > 0 && !own.includes(argv))
      assertHidden(hidden, `the environment of ${argv}`, environ);
  }
  if (sees !== undefined)
    assert.ok(
      seen.some(({ depth, argv }) => depth > 0 && argv.includes(sees)),
      `${sees} was not seen: ${JSON.stringify(seen.map(({ argv }) => argv))}`,
    );
}

async function writeDump(
  folder: string,
  documents: readonly Document[],
  indexes: readonly Document[],
  oplog?: readonly Document[],
): Promise<string> {
  const file = (name: string) => `${folder}/${DATABASE}/${name}`;
  await mkdir(dirname(file("x")), { recursive: true });
  const bytes = (all: readonly Document[]) => Buffer.concat(all.map((one) => BSON.serialize(one)));
  await writeFile(file("refused.bson"), bytes(documents));
  const all = [
    { v: 2, key: { _id: 1 }, name: "_id_" },
    ...indexes.map((one) => ({ v: 2, ...one })),
  ];
  const metadata = formatMetadata({
    ...{ collectionName: "refused", type: "collection", uuid: "0123456789abcdef0123456789abcdef" },
    options: BSON.serialize({}),
    indexes: all.map((one) => BSON.serialize(one)),
  });
  await writeFile(file("refused.metadata.json"), metadata);
  if (oplog) await writeFile(`${folder}/oplog.bson`, bytes(oplog));
  return folder;
}
