import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { inspect } from "node:util";
import type { KeepEvent } from "../events.ts";
import { rememberSecret } from "../util/redact.ts";
import { Secret } from "../util/secret.ts";
import { commandNotifier } from "./command.ts";
import { createNotifiers } from "./create-notifiers.ts";
import { pingHeartbeat } from "./heartbeat.ts";
import { notifyAll } from "./notifier.ts";
import type { Notice, Notifier } from "./notifier.ts";
import { webhookNotifier } from "./webhook.ts";

const HTTP = { timeoutMs: 5_000, pauseMs: 1 };
const NOTICE: Notice = {
  event: "backup-failed",
  ok: false,
  title: "backup of surg failed",
  text: "cannot reach $(touch pwned) `x` <!channel> & co\nsecond line ü",
  facts: { storedBytes: 12, backupId: null, dryRun: false, host: "$(touch pwned)" },
};

interface Request {
  readonly method: string | undefined;
  readonly type: string | undefined;
  readonly body: string;
}

let server: Server;
let base: string;
let folder: string;
let requests: Request[] = [];
/** Answers by number of the request; then 200. */
let answers: ((response: ServerResponse) => void)[] = [];

async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = "";
  for await (const part of request.setEncoding("utf8")) body += String(part);
  requests.push({ method: request.method, type: request.headers["content-type"], body });
  const answer = answers[requests.length - 1];
  if (answer) answer(response);
  else response.end("ok");
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "mk-notify-"));
  server = createServer((request, response) => void receive(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
after(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});
beforeEach(() => {
  requests = [];
  answers = [];
});

const hook = () => new Secret(`${base}/services/T0KEN`);
const status = (code: number) => (response: ServerResponse) => {
  response.writeHead(code).end();
};
const capture = () => new Secret(`cat > '${folder}/message'; env > '${folder}/facts'`);
const captured = (name: string) => readFile(join(folder, name), "utf8");

interface Case {
  readonly good: () => Notifier;
  readonly failing: () => Notifier;
  readonly hanging: () => Notifier;
  /** All that arrived of the last notice. */
  readonly arrived: () => Promise<string>;
}

const CASES: Readonly<Record<string, Case>> = {
  ALERT_COMMAND: {
    good: () => commandNotifier(capture()),
    failing: () => commandNotifier(new Secret("TOKEN=T0KEN; echo 'no mail' >&2; exit 3")),
    hanging: () => commandNotifier(new Secret("sleep 60 # T0KEN"), 100),
    arrived: async () => (await captured("message")) + (await captured("facts")),
  },
  ALERT_WEBHOOK_URL: {
    good: () => webhookNotifier(hook(), HTTP),
    failing: () => {
      answers = [status(404)];
      return webhookNotifier(hook(), HTTP);
    },
    hanging: () => {
      answers = [() => undefined, () => undefined];
      return webhookNotifier(hook(), { timeoutMs: 100, pauseMs: 1 });
    },
    arrived: () => Promise.resolve(requests.map(({ body }) => body).join()),
  },
};

for (const [name, { good, failing, hanging, arrived }] of Object.entries(CASES)) {
  describe(`every notifier: ${name}`, () => {
    test("is named after its setting and delivers title, text and facts", async () => {
      const notifier = good();
      assert.equal(notifier.name, name);
      await notifier.send(NOTICE);
      const all = await arrived();
      for (const part of ["backup-failed", "backup of surg failed", "second line ü", "12"]) {
        assert.ok(all.includes(part), `${part} in ${all}`);
      }
    });

    test("carries names from the database as text, and runs none of them", async () => {
      await good().send(NOTICE);
      assert.ok((await arrived()).includes("$(touch pwned)"));
      await assert.rejects(captured("pwned"), { code: "ENOENT" });
    });

    test("delivers no secret that slipped into a text", async () => {
      rememberSecret("Known-Secret-1");
      const text = "at mongodb://u:hunter2@h said Known-Secret-1";
      await good().send({ ...NOTICE, title: text, text, facts: { text } });
      assert.doesNotMatch(await arrived(), /hunter2|Known-Secret-1/);
    });

    test("fails with its name and a reason, and shows neither command nor address", async () => {
      await assert.rejects(failing().send(NOTICE), (error: Error) => {
        assert.match(error.message, new RegExp(`^${name} (exited with 3: no mail|answered 404)$`));
        assert.ok(!inspect(error).includes("T0KEN") && !inspect(error).includes(base));
        return true;
      });
    });

    test("ends in time", async () => {
      await assert.rejects(hanging().send(NOTICE), /within 0\.1 s/);
    });
  });
}

test("the command gets the message on stdin and the facts as MONGOKEEP variables", async () => {
  await commandNotifier(capture()).send(NOTICE);
  assert.equal(await captured("message"), `${NOTICE.title}\n\n${NOTICE.text}\n`);
  const facts = (await captured("facts"))
    .split("\n")
    .filter((line) => line.startsWith("MONGOKEEP_"));
  assert.deepEqual(facts.sort(), [
    "MONGOKEEP_BACKUP_ID=",
    "MONGOKEEP_DRY_RUN=false",
    "MONGOKEEP_EVENT=backup-failed",
    "MONGOKEEP_HOST=$(touch pwned)",
    "MONGOKEEP_OK=false",
    "MONGOKEEP_STORED_BYTES=12",
    "MONGOKEEP_TITLE=backup of surg failed",
  ]);
});

test("the webhook gets JSON whose text Slack cannot take for a command", async () => {
  await webhookNotifier(hook(), HTTP).send(NOTICE);
  const [request] = requests;
  assert.equal(request?.method, "POST");
  assert.equal(request.type, "application/json");
  const body = JSON.parse(request.body) as Record<string, unknown>;
  assert.match(String(body.text), /^🚨 \*backup of surg failed\*\n.*&lt;!channel&gt; &amp; co/);
  assert.deepEqual(body.facts, NOTICE.facts);
  assert.equal(body.message, NOTICE.text);
});

test("the webhook tries once more after 500, 429 or a cut connection, not after 404 or a redirect", async () => {
  const notifier = webhookNotifier(hook(), HTTP);
  for (const passing of [status(500), status(429), (r: ServerResponse) => void r.destroy()]) {
    requests = [];
    answers = [passing];
    await notifier.send(NOTICE);
    assert.equal(requests.length, 2);
  }
  for (const final of [404, 301]) {
    requests = [];
    answers = [status(final)];
    await assert.rejects(notifier.send(NOTICE), new RegExp(`answered ${final}`));
    assert.equal(requests.length, 1);
  }
  requests = [];
  answers = [status(503), status(502)];
  await assert.rejects(notifier.send(NOTICE), /answered 502/);
});

test("a server that is not there is told by the reason alone", async () => {
  const gone = webhookNotifier(new Secret("http://127.0.0.1:1/T0KEN"), HTTP);
  await assert.rejects(gone.send(NOTICE), (error: Error) => {
    assert.match(error.message, /^ALERT_WEBHOOK_URL cannot be reached/);
    assert.doesNotMatch(inspect(error), /T0KEN|127\.0\.0\.1/);
    return true;
  });
});

test("notifyAll never throws: what cannot be sent is logged and returned, the rest is sent", async () => {
  const events: KeepEvent[] = [];
  const broken: Notifier = {
    name: "BROKEN",
    send: () => Promise.reject(new Error("p: x://u:p@h")),
  };
  const failures = await notifyAll([broken, webhookNotifier(hook(), HTTP)], NOTICE, (event) =>
    events.push(event),
  );
  assert.deepEqual(failures, ["alert by BROKEN was not sent: p: x://***@h"]);
  assert.equal(requests.length, 1);
  assert.deepEqual(events, [
    { kind: "log", level: "warn", code: "alert-not-sent", message: failures[0] },
  ]);
});

test("the settings make the notifiers, or none", () => {
  const secret = new Secret("x");
  const of = (alertCommand: Secret | null, alertWebhookUrl: Secret | null) =>
    createNotifiers({ alertCommand, alertWebhookUrl }).map(({ name }) => name);
  assert.deepEqual(of(null, null), []);
  assert.deepEqual(of(secret, secret), ["ALERT_COMMAND", "ALERT_WEBHOOK_URL"]);
});

test("the heartbeat asks its address, and only logs where that fails", async () => {
  const events: KeepEvent[] = [];
  const ping = (alertPingUrl: Secret | null) =>
    pingHeartbeat({ alertPingUrl }, (event) => events.push(event), HTTP);
  assert.equal(await ping(null), null);
  assert.equal(await ping(hook()), null);
  assert.deepEqual([requests.length, requests[0]?.method, events.length], [1, "GET", 0]);
  requests = [];
  answers = [status(404)];
  assert.match((await ping(hook())) ?? "", /ALERT_PING_URL answered 404/);
  assert.equal(events.length, 1);
});
