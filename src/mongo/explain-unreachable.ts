// Why a replica set cannot be reached although one of its members answers: the names of its members are unknown here (a
// set in containers), or the URI names another set. The driver's message tells neither.
import { MongoClient, MongoServerSelectionError } from "mongodb";
import { KeepError } from "../errors.ts";
import { plainUri } from "./plain-uri.ts";
import type { ConnectedOptions } from "./plain-uri.ts";
import type { Secret } from "../util/secret.ts";
import { NO_MAJORITY_HINT } from "./set-refusals.ts";

/** What one seed says about itself when asked alone, without a login. */
interface SeedAnswer {
  readonly seed: string;
  /** null: it is not in a replica set. */
  readonly setName: string | null;
  /** The members' names in the configuration of the set. */
  readonly members: readonly string[];
  /** The member that it considers primary, which may be itself. */
  readonly primary: string | null;
}

const PROBE_MS = 2_000;
const MOST_SEEDS = 3;

/** null: the seeds tell no more than the driver's message. */
export async function explainUnreachable(
  error: unknown,
  uri: Secret,
  { options }: MongoClient,
  signal: AbortSignal,
): Promise<KeepError | null> {
  if (!(error instanceof MongoServerSelectionError)) return null;
  const asked = options.hosts.slice(0, MOST_SEEDS);
  const answers = await Promise.all(
    asked.map((host) => askAlone(uri, { ...options, hosts: [host] }, signal)),
  );
  signal.throwIfAborted();
  const wanted = (options.replicaSet as string | undefined) ?? null;
  const there = answers.filter((one) => one !== null);
  const silent = asked.map(String).filter((host) => !there.some(({ seed }) => seed === host));
  const isAlone = options.directConnection;
  const found = judgeAnswers(wanted, there) ?? (isAlone ? null : judgePrimary(there, silent));
  if (found === null) return null;
  return new KeepError("unreachable", found.message, { hint: found.hint, cause: error });
}

async function askAlone(
  uri: Secret,
  options: ConnectedOptions,
  signal: AbortSignal,
): Promise<SeedAnswer | null> {
  const alone = { ...options, credentials: undefined, directConnection: true, loadBalanced: false };
  const plain = plainUri(uri, alone, null);
  if ("unfit" in plain) return null;
  const limits = { serverSelectionTimeoutMS: PROBE_MS, connectTimeoutMS: PROBE_MS };
  const client = new MongoClient(plain.uri.reveal(), limits);
  const stop = () => void client.close();
  signal.addEventListener("abort", stop, { once: true });
  try {
    const hello = await client.db("admin").command({ hello: 1 });
    const seed = options.hosts.join(",");
    const setName = typeof hello.setName === "string" ? hello.setName : null;
    const members = (hello.hosts ?? []) as string[];
    const primary = typeof hello.primary === "string" ? hello.primary : null;
    return { seed, setName, members, primary };
  } catch {
    // It does not answer alone either, so the driver's message is correct.
    return null;
  } finally {
    signal.removeEventListener("abort", stop);
    await client.close();
  }
}

interface Explained {
  readonly message: string;
  readonly hint: string;
}

/** Members answer, but the driver found no primary among them. Pure. */
function judgePrimary(answers: readonly SeedAnswer[], silent: readonly string[]): Explained | null {
  const [first] = answers;
  if (typeof first?.setName !== "string") return null;
  const seeds = answers.map(({ seed }) => seed);
  const primary = answers.find((one) => one.primary !== null)?.primary ?? null;
  if (primary !== null && seeds.includes(primary)) return null;
  const alone = `A backup of what ${first.seed} has is possible meanwhile: name it alone in MONGODB_URI, with directConnection=true.`;
  if (primary !== null)
    return {
      message: `cannot reach MongoDB: the primary of the replica set ${first.setName} is ${primary}, which does not answer here; ${seeds.join(", ")} ${areSecondaries(seeds)}`,
      hint: `Make ${primary} reachable from here (network, firewall, DNS). ${alone}`,
    };
  const others = silent.length > 0 ? `, and ${silent.join(", ")} did not answer` : "";
  return {
    message: `the replica set ${first.setName} has no primary: ${seeds.join(", ")} ${areSecondaries(seeds)}${others}`,
    hint: `${NO_MAJORITY_HINT} ${alone}`,
  };
}

const areSecondaries = ({ length }: readonly string[]) =>
  length === 1 ? "is a secondary" : "are secondaries";

function judgeAnswers(wanted: string | null, answers: readonly SeedAnswer[]): Explained | null {
  const [first] = answers;
  if (first === undefined) return null;
  const { seed, setName, members } = answers.find((one) => one.setName === wanted) ?? first;
  if (wanted !== null && setName !== wanted) {
    const message = `cannot reach MongoDB: the replica set ${wanted} is asked for, and ${seed} is ${setName === null ? "in none" : `in the replica set ${setName}`}`;
    const right = setName === null ? "" : `Write replicaSet=${setName} in MONGODB_URI, or take`;
    return {
      message,
      hint: `${right === "" ? "Take" : right} the option replicaSet out of MONGODB_URI.`,
    };
  }
  const answering = new Set(answers.map((one) => one.seed));
  if (setName === null || members.length === 0) return null;
  // A member answers under its name in the set, so the names are not the problem.
  if (members.some((name) => answering.has(name))) return null;
  return {
    message: `cannot reach MongoDB: ${seed} answers, and its replica set ${setName} calls its members ${members.join(", ")}, which cannot be reached from here`,
    hint: `Add directConnection=true to MONGODB_URI to use ${seed} alone; or make these names lead to the members from here (DNS, /etc/hosts), or have the set call them by names that do everywhere (rs.reconfig in mongosh).`,
  };
}
