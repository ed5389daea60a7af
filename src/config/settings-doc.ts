// Writes docs/settings.md from the schema, so that the page cannot say anything that the program does not do.
import { metaOf, SETTING_NAMES } from "./names.ts";
import type { SettingName } from "./schema.ts";
import type { SettingGroup } from "./setting.ts";

const INTRODUCTION = `# Settings

<!-- Written by scripts/settings-doc.ts from src/config/schema.ts: change it there, then run
     node scripts/settings-doc.ts -->

mongokeep reads \`.env\` in the working folder, or the file that \`--env-file\` names. The process
environment wins over the file, name by name; an empty variable of the environment unsets the file's.
\`~\` at the beginning of a path is the home folder; a relative path starts at the folder of the \`.env\`.

The file may be the application's own: names that are not ours are ignored. A name that is nearly one of
\`BACKUP_…\`, \`RETENTION_…\`, \`DISK_…\` or \`ALERT_…\` is an error with a "did you mean", nearly another one
of ours a warning. The same setting under two names with different values is an error.

Put values with \`#\`, \`\${\`, quotes or spaces into single quotes: \`MONGODB_PASSWORD='a#b\${c'\`. Without
quotes a \`#\` would cut the value, so mongokeep refuses it. Keep the file private: \`chmod 600 .env\`.
`;

const GROUPS: readonly SettingGroup[] = [
  "Connection",
  "Backups",
  "Retention",
  "Disk",
  "Service and restore",
  "Drills",
  "Alerts",
];

/** The code fence would end this file's own strings. */
const FENCE = "`".repeat(3);

const LOGINS = `## Logins of their own

The application's login in \`MONGODB_URI\` is seldom the right one for backups. Beside it, in the same \`.env\`, mongokeep
takes two of its own: \`MONGOKEEP_URI\` for everything that only reads (\`backup\`, \`diff\`, \`doctor\`), which needs the role
\`backup\` alone, and \`MONGOKEEP_RESTORE_URI\` for \`restore\` and \`rollback\`, whose user may replace data. So the login of
the nightly job cannot change anything, and the other one may stand in the file of another system user
(\`--env-file\`), or be typed when it is needed: \`MONGOKEEP_RESTORE_URI='…' mongokeep restore latest\`. \`mongokeep doctor\`
checks both: that they are taken, lead to the same server, and may do what is theirs. In \`mongosh\`:

${FENCE}js
db.getSiblingDB("admin").createUser({ user: "keep", pwd: passwordPrompt(), roles: ["backup"] });
db.getSiblingDB("admin").createUser({
  user: "keep_restore",
  pwd: passwordPrompt(),
  roles: ["backup", "restore", "readWriteAnyDatabase"],
});
${FENCE}

${FENCE}sh
MONGODB_URI=mongodb://app:…@localhost:27017/surg # the application's own
MONGOKEEP_URI='mongodb://keep:…@localhost:27017/surg?authSource=admin'
MONGOKEEP_RESTORE_URI='mongodb://keep_restore:…@localhost:27017/?authSource=admin'
${FENCE}
`;

/** The whole page, as it must stand in docs/settings.md. */
export function formatSettingsDoc(): string {
  return [INTRODUCTION, LOGINS, ...GROUPS.map(formatGroup)].join("\n");
}

function formatGroup(group: SettingGroup): string {
  const rows = SETTING_NAMES.filter((name) => metaOf(name).group === group).map(formatRow);
  return [
    `## ${group}`,
    "",
    "| setting | default | looks like | what it does |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

function formatRow(name: SettingName): string {
  const { aliases, defaultText, unset, looks, about } = metaOf(name);
  const also = aliases.length === 0 ? "" : ` (also ${aliases.map((a) => `\`${a}\``).join(", ")})`;
  const byDefault = defaultText === null ? unset : `\`${defaultText}\``;
  return `| \`${name}\`${also} | ${byDefault === "" ? "none" : byDefault} | ${looks} | ${about} |`;
}
