// Twenty secrets, in settings and in documents, searched for where they must not be: command lines, children's
// environments, output, logs, errors, manifests, reports, temporary files.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Timestamp } from "mongodb";
import { createCanaryStage, DATABASE } from "../canaries/stage.ts";
import type { CanaryStage, Project } from "../canaries/stage.ts";
import type { TortureCase } from "../runner/case.ts";

type Scene = (project: Project, stage: CanaryStage) => Promise<void>;

const SCENES: Readonly<Record<string, Scene>> = {
  "backup, password in the URI": async ({ run }) => {
    await run(["backup", "--json", "--verbose"], { code: 0 });
    for (const args of [["list"], ["show", "latest", "--json"], ["status", "--verbose"]])
      await run(args);
  },
  "backup, password by parts": async ({ run }, { host, secrets }) => {
    const env = {
      ...{ MONGODB_URI: undefined, MONGODB_HOST: host, MONGODB_USERNAME: "partsPassword" },
      ...{ MONGODB_PASSWORD: secrets.partsPassword.text, MONGODB_DATABASE: DATABASE },
    };
    await run(["backup", "--verbose"], { env, code: 0 });
    await run(["doctor", "--verbose"], { env });
  },
  "backup by mongodump": async ({ run }) => {
    await run(["backup", "--verbose"], {
      env: { BACKUP_ENGINE: "mongodump" },
      code: 0,
      sees: "mongodump",
    });
  },
  "settings in the environment, backup by mongodump": async ({ run }, { uri, secrets }) => {
    const given = {
      MONGODB_URI: uri(),
      BACKUP_ENGINE: "mongodump",
      ALERT_WEBHOOK_URL: `http://127.0.0.1:9/${secrets.webhookToken.text}`,
    };
    await run(["backup", "--verbose"], { given, code: 0, sees: "mongodump" });
    await run(["restore", "latest", "--confirm", "--engine", "mongodump"], {
      given,
      sees: "mongorestore",
    });
  },
  "backup as lines": async ({ run }) => {
    await run(["backup", "--verbose"], { env: { BACKUP_ENGINE: "ejson" }, code: 0 });
    await run(["verify", "--verbose", "--json"], { code: 0 });
  },
  restore: async ({ run, place }) => {
    await run(["backup"], { code: 0 });
    await run(["restore", "latest", "--verbose"], { code: 0 });
    await run(["restore", "latest", "--confirm", "--verbose"], { code: 0 });
    assert.ok((await readdir(join(place.backupDir, "restores"))).length > 0, "no record");
  },
  "restore by mongorestore": async ({ run }) => {
    await run(["backup"], { code: 0 });
    const args = ["restore", "latest", "--confirm", "--verbose", "--engine", "mongodump"];
    await run(args, { code: 0, sees: "mongorestore" });
  },
  "diff with the live data": async ({ run }, { client, secrets }) => {
    await run(["backup"], { code: 0 });
    const patients = client.db(DATABASE).collection("patients");
    await patients.updateOne({ _id: 1 as never }, { $set: { mrn: secrets.mrn.text } });
    await run(["diff", "latest", "--verbose"], { code: 0 });
    await run(["diff", "latest", "--json"], { code: 0 });
  },
  drill: async ({ run, place }, { secrets }) => {
    await run(["backup"], { code: 0 });
    const checks = [
      `patient: ${DATABASE}.patients.findOne({"name": "${secrets.patient.text}"}) is missing`,
      `broken: ${DATABASE}.patients.findOne({"name": "${secrets.patient.text}") exists`,
    ];
    await writeFile(place.at("checks.txt"), checks[0] ?? "");
    await run(["drill", "--verbose"], { env: { DRILL_CHECKS: "checks.txt" }, code: 3 });
    await writeFile(place.at("checks.txt"), checks.join("\n"));
    await run(["drill", "--verbose"], { env: { DRILL_CHECKS: "checks.txt" } });
  },
  "drill on a server with a login": async ({ run }, { uri, secrets }) => {
    await run(["backup"], { code: 0 });
    await run(["drill", "--verbose"], { env: { DRILL_MONGODB_URI: uri(secrets.drillPassword) } });
  },
  "a wrong password": async ({ run }, { uri, secrets }) => {
    const wrong = uri(secrets.uriPassword).replace(
      encodeURIComponent(secrets.uriPassword.text),
      encodeURIComponent(secrets.wrongPassword.text),
    );
    for (const engine of ["native", "mongodump"])
      await run(["backup", "--verbose"], { env: { MONGODB_URI: wrong, BACKUP_ENGINE: engine } });
    await run(["doctor", "--json"], { env: { MONGODB_URI: wrong } });
  },
  "URIs that are none": async ({ run }, { host, secrets }) => {
    const { wrongPassword, awsKey, keyFilePassword } = secrets;
    for (const uri of [
      `mongodb://u:${secrets.uriPassword.text}@${host}/x`,
      `mongo://u:${wrongPassword.text}@${host}`,
      `u:${wrongPassword.text}@${host}`,
      `mongodb://u:${wrongPassword.text}@${host}:99999/?bogus=1`,
      `mongodb://${host}/?authMechanism=MONGODB-AWS&authMechanismProperties=AWS_SESSION_TOKEN:${awsKey.text}`,
      `mongodb://${host}/?tls=true&tlsCertificateKeyFile=/x&tlsCertificateKeyFilePassword=${keyFilePassword.text}`,
    ])
      await run(["backup", "--verbose"], { env: { MONGODB_URI: uri } });
  },
  "settings mistyped": async ({ run, place }, { uri, secrets }) => {
    const { mistyped, uriPassword } = secrets;
    const lines = [
      `MONGODB_PASWORD='${mistyped.text}'`,
      `MONGO_URL='mongodb://other:${mistyped.text}@x/'`,
      `MONGODB_URI=mongodb://u:${mistyped.text}#x@h/`,
      `MONGODB_URI='${uri()}'\nMONGODB_URI='mongodb://u:${mistyped.text}@h/'`,
      `ALERT_WEBHOOK_URLS='https://h/${mistyped.text}'`,
      `ALERT_WEBHOOK_URL='not a url ${mistyped.text}'`,
      `MONGODB_PASSWORD='${mistyped.text}'`,
      `DATABASE_URL='postgres://u:${mistyped.text}@h/'`,
      `BACKUP_DIR='${place.backupDir}'\nDRILL_MONGODB_URI='mongo:/${mistyped.text}'`,
    ];
    for (const line of lines) {
      const rest = line.includes("MONGODB_URI=") ? "" : `MONGODB_URI='${uri(uriPassword)}'\n`;
      await run(["doctor", "--verbose"], { dotEnv: `${rest}${line}\n` });
    }
  },
  "alerts that fail": async ({ run, place }, { secrets }) => {
    const server = createServer((request, response) => {
      response.writeHead(500).end(`no: ${request.url ?? ""}`);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    try {
      const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const { webhookToken, pingToken, commandToken } = secrets;
      const env = {
        ALERT_PING_URL: `${at}/${pingToken.text}`,
        ALERT_WEBHOOK_URL: `${at}/hooks/${webhookToken.text}?t=${webhookToken.text}`,
        ALERT_COMMAND: `echo "token=${commandToken.text}" >&2; exit 7`,
      };
      await run(["backup", "--verbose"], { env, code: 0, typed: [commandToken] });
      await run(["doctor", "--verbose"], { env, typed: [commandToken] });
      await breakOne(place.backupDir);
      // The shell's own command line is the user's doing; what mongokeep says of it is not.
      await run(["verify", "--verbose"], { env, code: 3, typed: [commandToken] });
      const gone = { ...env, ALERT_WEBHOOK_URL: `http://127.0.0.1:9/${webhookToken.text}` };
      await run(["verify", "--all", "--json"], { env: gone, code: 3, typed: [commandToken] });
    } finally {
      server.close();
    }
  },
  "a service that fails": async ({ run }, { secrets: { serviceToken } }) => {
    await run(["backup"], { code: 0 });
    const env = {
      SERVICE_STOP: `curl -H 'Authorization: Bearer ${serviceToken.text}' -m 1 http://127.0.0.1:9/`,
      SERVICE_START: `exit 3 # --token ${serviceToken.text}`,
    };
    await run(["restore", "latest", "--confirm", "--verbose"], { env, typed: [serviceToken] });
    const stops = { ...env, SERVICE_STOP: "true" };
    await run(["restore", "latest", "--confirm"], { env: stops, typed: [serviceToken] });
  },
  "a duplicate key": async (project, { secrets: { uniqueValue, patient } }) => {
    const documents = [1, 2, 3].map((n) => ({ _id: n, ssn: uniqueValue.text, name: patient.text }));
    await refused(
      project,
      await project.dump(documents, [{ key: { ssn: 1 }, name: "ssn", unique: true }]),
    );
  },
  "a geometry that is none": async (project, { secrets: { geometry, patient } }) => {
    const home = { type: "Point", coordinates: [500, 500], street: geometry.text };
    const documents = [{ name: patient.text, _id: 1, home }];
    const key = { home: "2dsphere" };
    await refused(
      project,
      await project.dump(documents, [{ key, name: "home", "2dsphereIndexVersion": 3 }]),
    );
  },
  "a language that is none": async (project, { secrets: { language, patient } }) => {
    const documents = [{ _id: 1, note: patient.text, language: language.text }];
    const index = {
      ...{ key: { _fts: "text", _ftsx: 1 }, name: "note", weights: { note: 1 } },
      ...{ default_language: "english", language_override: "language", textIndexVersion: 3 },
    };
    await refused(project, await project.dump(documents, [index]));
  },
  "an _id that is refused": async (project, { secrets: { patient } }) => {
    await refused(project, await project.dump([{ _id: [1], name: patient.text }], []));
    await refused(
      project,
      await project.dump(
        [
          { _id: 1, name: patient.text },
          { _id: 1, name: patient.text },
        ],
        [],
      ),
    );
  },
  "an array where no index takes one": async (project, { secrets: { patient, mrn } }) => {
    const documents = [{ _id: 1, a: [patient.text, mrn.text], b: [mrn.text] }];
    await refused(project, await project.dump(documents, [{ key: { a: "hashed" }, name: "a" }]));
    await refused(project, await project.dump(documents, [{ key: { a: 1, b: 1 }, name: "ab" }]));
  },
  "an oplog that cannot be replayed": async (project, { secrets: { oplogValue, mrn } }) => {
    const entry = (more: object, n: number) => ({
      ...{ ts: new Timestamp({ t: 1_700_000_000, i: n }), t: 1, v: 2, ns: `${DATABASE}.refused` },
      ...{ wall: new Date(1.7e12), ...more },
    });
    const bad = [
      { op: "u", o2: { _id: 9 }, o: { $v: 2, diff: { bogus: oplogValue.text } } },
      {
        op: "u",
        o2: { _id: 1 },
        o: { $v: 2, diff: { u: { [oplogValue.text]: mrn.text }, sx: 1 } },
      },
      { op: "i", o: { _id: [oplogValue.text], mrn: mrn.text } },
      { op: "q", o: { _id: 1, mrn: oplogValue.text } },
      { op: "c", o: { bogus: oplogValue.text } },
      { op: "c", o: { create: "new", validator: { $bogus: oplogValue.text } } },
      { op: "c", o: { createIndexes: "refused", v: 2, key: { a: oplogValue.text }, name: "x" } },
    ];
    for (const [n, one] of bad.entries())
      await refused(
        project,
        await project.dump([{ _id: 1, name: mrn.text }], [], [entry(one, n + 1)]),
        ["native"],
      );
  },
  "bytes that are no documents": async ({ run, place, dump }, { secrets }) => {
    await run(["backup"], { env: { BACKUP_COMPRESSION: "none" }, code: 0 });
    await breakOne(place.backupDir, secrets.patient.text);
    await run(["verify", "--verbose"], { code: 3 });
    await run(["verify", "--all", "--json"], { code: 3 });
    await run(["restore", "latest", "--confirm", "--verbose"]);
    const path = await dump(
      [{ _id: 1, name: secrets.patient.text, [secrets.fieldName.text]: 1 }],
      [],
    );
    await breakOne(path, secrets.fieldName.text);
    for (const args of [
      ["verify", path],
      ["restore", path, "--confirm"],
    ])
      await run([...args, "--verbose"]);
  },
  "queries that are none": async ({ run }, { secrets: { mrn } }) => {
    await run(["backup"], { code: 0 });
    for (const query of [
      `{"mrn": "${mrn.text}"`,
      `{"$where": "${mrn.text}"}`,
      `{"mrn": {"$bogus": "${mrn.text}"}}`,
      `{"a": {"$regex": "(${mrn.text}"}}`,
    ])
      await run(
        ["extract", "latest", "--ns", `${DATABASE}.patients`, "--query", query, "--verbose"],
        { code: 2, typed: [mrn] },
      );
  },
};

/** As text and JSON: refused or not, nothing of the documents is said. */
async function refused(
  { run, speak, quick }: Project,
  path: string,
  engines: readonly string[] = ["native", "mongodump"],
): Promise<void> {
  for (const engine of engines)
    for (const form of ["--verbose", "--json"]) {
      const args = ["restore", path, "--confirm", "--db", `${DATABASE}=into`, form];
      if (!quick) await run([...args, "--engine", engine]);
      else if (engine === "native") await speak(args);
      else if (form === "--verbose") await run([...args, "--engine", engine]);
    }
}

/** One byte behind `text`, or in the middle, of the first data file. */
async function breakOne(folder: string, text?: string): Promise<void> {
  for (const file of await readdir(folder, { recursive: true })) {
    if (!/\.bson(\.gz)?$/.test(file) || /system|oplog/.test(file)) continue;
    const bytes = await readFile(join(folder, file));
    const at = text === undefined ? bytes.length >> 1 : bytes.indexOf(text) - 3;
    bytes.writeUInt8(bytes.readUInt8(at) ^ 0xff, at);
    await writeFile(join(folder, file), bytes);
    return;
  }
  assert.fail("nothing to break");
}

const NAMES = Object.keys(SCENES);

export const canaries: TortureCase = {
  name: "canaries",
  fault: "20 secrets in settings and documents; backup, restore, drill, and every way to fail",
  holds:
    "0 hits in command lines, children's environments, output, logs, errors, manifests, reports, temporary files",
  trials: { full: NAMES.length, quick: NAMES.length },
  async prepare(ground) {
    const stage = await createCanaryStage(ground);
    return {
      async run({ number }) {
        const name = NAMES[number % NAMES.length] ?? "";
        const project = await stage.enter();
        try {
          await SCENES[name]?.(project, stage);
        } finally {
          await project.leave();
        }
        return name;
      },
    };
  },
};
