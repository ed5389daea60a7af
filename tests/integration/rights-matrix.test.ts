// Whatever an account may do: a restore is whole, or has changed nothing, or is undone. Never in between.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { MongoClient } from "mongodb";
import { KeepError, toKeepError } from "../../src/errors.ts";
import type { KeepEvent } from "../../src/events.ts";
import { runBackup } from "../../src/jobs/backup/backup.ts";
import type { JobContext } from "../../src/jobs/context.ts";
import { rights } from "../../src/jobs/doctor/rights.ts";
import { toRequest } from "../../src/restore/record/request.ts";
import { runRestore } from "../../src/jobs/restore/restore.ts";
import { runRollback } from "../../src/jobs/restore/rollback.ts";
import { openDeployment } from "../../src/mongo/deployment.ts";
import { systemClock } from "../../src/util/clock.ts";
import { Secret } from "../../src/util/secret.ts";
import { folderContext } from "../support/job-context.ts";
import { ACCOUNTS, createAccount, KINDS, stateOf } from "../support/rights-matrix.ts";
import type { Account, Kind, State } from "../support/rights-matrix.ts";
import { ownServer } from "../support/servers.ts";
import { atEnd, temporaryFolder } from "../support/temporary.ts";
import type { Cleanup } from "../support/temporary.ts";

const EVERY = process.env.SLOW === "1";

interface Ground {
  readonly root: MongoClient;
  readonly uri: string;
  readonly folder: string;
}

async function ground(t: Cleanup): Promise<Ground> {
  const auth = { user: "root", password: "r" };
  const server = await ownServer(t, { topology: "replicaSet", auth });
  const root = await new MongoClient(server.uri).connect();
  atEnd(t, () => root.close());
  return { root, uri: server.uri, folder: await temporaryFolder(t) };
}

interface Login {
  readonly uri: string;
  /** Of the backups and records. */
  readonly folder: string;
  readonly databases: readonly string[] | null;
}

/** A job's context for a login. `stop`: ended in the middle of the live change, after something was dropped. */
function contextFor({ uri, folder, databases }: Login, stop?: AbortController): JobContext {
  const made = folderContext(folder, "2026-01-01T00:00:00Z");
  const secret = new Secret(uri);
  const signal = stop?.signal ?? made.signal;
  let isLive = false;
  const emit = (event: KeepEvent) => {
    if (event.kind === "step" && event.step === "live-change") isLive = true;
    if (isLive && event.kind === "progress" && event.step === "load")
      stop?.abort(new KeepError("interrupted", "stopped by the test"));
  };
  return {
    ...made,
    ...{ settings: { ...made.settings, uri: secret, databases }, clock: systemClock, emit, signal },
    connect: (own = signal) => openDeployment(secret, { emit, signal: own }),
  };
}

function as(uri: string, user: string): string {
  const url = new URL(uri);
  url.username = user;
  url.password = "x";
  return url.toString();
}

interface Run {
  readonly code: number;
  readonly message: string;
  readonly restoreId: string;
  readonly warnings: readonly string[];
}

/** A job as the command line ends it. */
async function ended(job: Promise<object>): Promise<Run> {
  try {
    const { restoreId = "", warnings = [] } = (await job) as Partial<Run>;
    return { code: 0, message: "", restoreId, warnings };
  } catch (error) {
    const { exitCode: code, message, hint } = toKeepError(error);
    return { code, message: `${message} (${hint})`, restoreId: "", warnings: [] };
  }
}

const BACKUP = {
  ...{ manual: true, note: null, databases: null, exclude: [], compression: null, engine: null },
} as const;
const RESTORE = { skipPreBackup: false, useService: false, confirm: true };
const LEFT_OUT = "users and roles are not restored";

/** One database, or several, with a backup by root and what has become of them since. */
interface Case {
  readonly at: Ground;
  /** Of the accounts' roles. */
  readonly database: string;
  readonly login: Login;
  readonly backup: string;
  readonly wanted: State;
  readonly look: () => Promise<State>;
  readonly dropAccounts: () => Promise<unknown>;
}

/** Stopped in the middle, then whole, then back: each time from the same state. */
async function tryAccount(one: Case, account: Account, inPlace: boolean): Promise<void> {
  const { at, database, look } = one;
  const user = `${database}_${ACCOUNTS.indexOf(account)}_${inPlace ? "i" : "s"}`;
  await createAccount(at.root, account, user, database);
  const own = { ...one.login, uri: as(at.uri, user) };
  const before = await look();
  const request = toRequest({ ...RESTORE, backup: one.backup, inPlace });
  const check = async (run: Run, wanted = one.wanted) => {
    const said = `exit ${run.code} ${run.message} ${run.warnings.join("; ")}`;
    assert.notEqual(run.code, 8, said);
    const isLeftOut = run.code !== 0 || run.warnings.some((w) => w.includes(LEFT_OUT));
    const now = await look();
    assert.deepEqual(now.data, (run.code === 0 ? wanted : before).data, said);
    assert.deepEqual(now.accounts, (isLeftOut ? before : wanted).accounts, said);
    if (run.code === 0 && wanted !== before) await takeBack(run);
  };
  const takeBack = async ({ restoreId }: Run) => {
    const request = { restoreId, useService: false, confirm: true };
    const back = await ended(runRollback(contextFor(own), request));
    assert.equal(back.code, 0, back.message);
    await one.dropAccounts();
    await check(back, before);
  };
  try {
    if (inPlace)
      await check(await ended(runRestore(contextFor(own, new AbortController()), request)));
    const foretold = await doctorOf(own);
    const planned = await ended(runRestore(contextFor(own), { ...request, confirm: false }));
    const run = await ended(runRestore(contextFor(own), request));
    const told = `exit ${run.code} ${run.message}`;
    assert.equal(planned.code, run.code, `planned: ${planned.message}; then ${told}`);
    if (account.mayAll) assert.ok(foretold && run.code === 0, told);
    assert.ok(run.code === 0 || !foretold, `doctor was well; then ${told}`);
    await check(run);
  } catch (error) {
    throw new Error(`as ${account.name}${inPlace ? ", in place" : ""}`, { cause: error });
  }
}

/** Whether `doctor` has nothing to say against this account. */
async function doctorOf(own: Login): Promise<boolean> {
  const context = contextFor(own);
  await using deployment = await context.connect();
  return (await rights(context, deployment)).every(({ state }) => state === "ok");
}

async function caseOf(at: Ground, kind: Kind, database: string): Promise<Case> {
  const db = at.root.db(database);
  const login = { uri: at.uri, folder: join(at.folder, database), databases: [database] };
  await kind.fill(db);
  const { path: backup } = await runBackup(contextFor(login), BACKUP);
  const wanted = await stateOf(db);
  await kind.change(db);
  const dropAccounts = async () => await kind.dropAccounts?.(db);
  return { at, database, login, backup, wanted, look: () => stateOf(db), dropAccounts };
}

/** Half of the modes is enough for every day. */
const isTried = (n: number, inPlace: boolean) => EVERY || n % 2 !== Number(inPlace);

async function tryKind(at: Ground, kind: Kind, n: number, inPlace: boolean): Promise<void> {
  const one = await caseOf(at, kind, `k${n}${inPlace ? "inplace" : "staged"}`);
  for (const [m, account] of ACCOUNTS.entries())
    if (isTried(n + m, inPlace)) await tryAccount(one, account, inPlace);
}

async function allOf(runs: readonly Promise<void>[]): Promise<void> {
  for (const result of await Promise.allSettled(runs))
    if (result.status === "rejected") throw result.reason;
}

test("a restore is whole, undone or refused, whatever the account may do", async (t) => {
  const at = await ground(t);
  for (const [n, kind] of KINDS.entries())
    await t.test(kind.name, async () => {
      // Users and roles go through one collection of the server: two restores at once would mix them.
      if (!kind.dropAccounts) await allOf([true, false].map((way) => tryKind(at, kind, n, way)));
      else for (const way of [true, false]) await tryKind(at, kind, n, way);
    });
  await t.test("the whole deployment", async () => {
    const one = await wholeDeployment(at);
    for (const [n, account] of ACCOUNTS.entries())
      for (const inPlace of [true, false])
        if (isTried(n + 1, inPlace)) await tryAccount(one, account, inPlace);
  });
});

/** With stored functions, a time series, a collection in `admin`, and the cluster's settings. */
async function wholeDeployment(at: Ground): Promise<Case> {
  const [surg, admin, config] = ["surg", "admin", "config"].map((name) => at.root.db(name));
  assert.ok(surg && admin && config);
  for (const { name } of (await admin.admin().listDatabases()).databases)
    if (/^k\d/.test(name)) await at.root.db(name).dropDatabase();
  const fill = async (value: number) => {
    for (const name of ["stored functions", "time series"]) {
      const kind = KINDS.find((one) => one.name === name);
      await (value === 64 ? kind?.fill(surg) : kind?.change(surg));
    }
    await admin.collection("notes").updateOne({}, { $set: { value } }, { upsert: true });
    const settings = config.collection<{ _id: string; value: number }>("settings");
    await settings.updateOne({ _id: "chunksize" }, { $set: { value } }, { upsert: true });
  };
  const look = async () => {
    const [own, notes, settings] = await Promise.all([
      stateOf(surg),
      stateOf(admin, (name) => name === "notes"),
      stateOf(config, (name) => name === "settings"),
    ]);
    return { ...own, data: { ...own.data, ...notes.data, ...settings.data } };
  };
  await fill(64);
  const login = { uri: at.uri, folder: join(at.folder, "whole"), databases: null };
  const { path: backup } = await runBackup(contextFor(login), BACKUP);
  const wanted = await look();
  await fill(128);
  const dropAccounts = () => Promise.resolve();
  return { at, database: "surg", login, backup, wanted, look, dropAccounts };
}
