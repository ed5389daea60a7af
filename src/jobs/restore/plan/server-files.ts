// Open files on the server for the second copy that a staged restore builds: mongod ends at once at its limit.
import { warn } from "../../../events.ts";
import { KeepError } from "../../../errors.ts";
import type { Deployment } from "../../../mongo/deployment.ts";
import { readOpenFiles } from "../../../mongo/open-files.ts";
import type { OpenFiles } from "../../../mongo/open-files.ts";
import type { RestorePlan } from "../../../restore/plan/plan.ts";
import { formatCount } from "../../../util/units.ts";
import type { JobContext } from "../../context.ts";

export interface FilesJudged {
  readonly verdict: "fits" | "unclear" | "too-few";
  /** Open at the same time, the live collections included: an estimate. */
  readonly needed: number;
}

/** So few fit into any server. */
const FEW = 200;
/** Connections, the journal, and what else opens files meanwhile. */
const SLACK = 300;
/** Where nobody knows the limit: most servers of a distribution's package may open 64,000, some only 1,024. */
const MANY = 20_000;

/** Pure. The files of the copies, one for a collection and one for each of its indexes. */
export function stagedFiles({ collections }: Pick<RestorePlan, "collections">): number {
  return collections
    .filter(({ way }) => way === "swap")
    .reduce((sum, { indexes }) => sum + 1 + (indexes ?? 1), 0);
}

/** Pure. `live`: files of the collections that are replaced. */
export function judgeFiles(staged: number, live: number, { open, limit }: OpenFiles): FilesJudged {
  const needed = staged + Math.max(open ?? 0, live) + SLACK;
  if (staged <= FEW) return { verdict: "fits", needed };
  if (limit === null) return { verdict: needed > MANY ? "unclear" : "fits", needed };
  if (needed <= limit.files) return { verdict: "fits", needed };
  return { verdict: limit.isExact ? "too-few" : "unclear", needed };
}

const HINT =
  "Start mongod with a higher limit (ulimit -n 64000 in its shell, LimitNOFILE=64000 in its systemd unit), or restore with --in-place, which needs no second copy, or a part at a time: --only, or one database after the other.";

/** For a plan: says what a restore would be refused for. */
export async function tellServerFiles(
  { emit }: Pick<JobContext, "emit">,
  deployment: Deployment,
  plan: RestorePlan,
): Promise<void> {
  const refusal = await findTooFew({ emit }, deployment, plan);
  if (refusal)
    warn(emit, refusal.code, `${refusal.message}: the restore would be refused. ${refusal.hint}`); // prettier-ignore
}

/** Before the first change. @throws KeepError too-many-files */
export async function assertServerFiles(
  context: Pick<JobContext, "emit">,
  deployment: Deployment,
  plan: RestorePlan,
): Promise<void> {
  const refusal = await findTooFew(context, deployment, plan);
  if (refusal) throw refusal;
}

/** The refusal; what nobody can know is a warning. */
async function findTooFew(
  { emit }: Pick<JobContext, "emit">,
  { client }: Deployment,
  plan: RestorePlan,
): Promise<KeepError | null> {
  const staged = stagedFiles(plan);
  if (staged <= FEW) return null;
  const files = await readOpenFiles(client);
  const { verdict, needed } = judgeFiles(staged, liveFiles(plan), files);
  if (verdict === "fits") return null;
  const why = `the staged copies are ${formatCount(staged)} files beside the live ones, ${formatCount(needed)} in all`;
  if (verdict === "too-few")
    return new KeepError(
      "too-many-files",
      `the server may not open enough files: ${why}, and its limit is ${formatCount(files.limit?.files ?? 0)}, at which mongod ends itself`,
      { hint: HINT, details: { neededFiles: needed, limitFiles: files.limit?.files ?? null } },
    );
  const message = `the server needs many open files: ${why}, and its limit is not known to be so high; mongod ends itself when it reaches it. ${HINT}`;
  warn(emit, "server-files", message);
  return null;
}

const liveFiles = ({ collections }: RestorePlan) =>
  collections.reduce((sum, { live }) => sum + (live ? 1 + live.indexes : 0), 0);
