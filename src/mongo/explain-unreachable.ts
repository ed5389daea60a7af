// Why a replica set cannot be reached though one of its members answers: its members' names mean nothing here (a set
// in containers), or the URI asks for a set of another name. The driver's own message tells neither.
import { MongoClient, MongoServerSelectionError } from "mongodb";
import { KeepError } from "../errors.ts";
import { plainUri } from "./plain-uri.ts";
import type { ConnectedOptions } from "./plain-uri.ts";
import type { Secret } from "../util/secret.ts";

/** What one seed says of itself when it is asked alone, without a login. */
interface SeedAnswer {
  readonly seed: string;
  /** null: it is in no replica set. */
  readonly setName: string | null;
  /** The members' names, as the set itself has them. */
  readonly members: readonly string[];
}

const PROBE_MS = 2_000;
const MOST_SEEDS = 3;

/** null: the seeds tell nothing that the driver's message does not. */
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
  const found = judgeAnswers(
    wanted,
    answers.filter((one) => one !== null),
  );
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
    return { seed, setName, members: (hello.hosts ?? []) as string[] };
  } catch {
    // It does not answer alone either: the driver's message holds.
    return null;
  } finally {
    signal.removeEventListener("abort", stop);
    await client.close();
  }
}

/** Pure. */
function judgeAnswers(
  wanted: string | null,
  answers: readonly SeedAnswer[],
): { readonly message: string; readonly hint: string } | null {
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
  // A member answers under the name that the set has for it: it is not the names that keep us out.
  if (members.some((name) => answering.has(name))) return null;
  return {
    message: `cannot reach MongoDB: ${seed} answers, and its replica set ${setName} calls its members ${members.join(", ")}, which cannot be reached from here`,
    hint: `Add directConnection=true to MONGODB_URI to use ${seed} alone; or make these names lead to the members from here (DNS, /etc/hosts), or have the set call them by names that do everywhere (rs.reconfig in mongosh).`,
  };
}
