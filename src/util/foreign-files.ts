// Names of files that nobody created on purpose: those that file servers, desktops, editors and file systems leave
// beside other files. What must stay true: none is a name under which a dump stores data, which must never be ignored.

/** Whole names, case-insensitive. */
const NAMES: ReadonlySet<string> = new Set([
  ...["thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "$recycle.bin"],
  ...["system volume information", "lost+found", "__macosx", "network trash folder"],
  // Synology, QNAP, NetApp.
  ...["@eadir", "@tmp", "@recycle", "#recycle", "#snapshot", "~snapshot", "temporary items"],
]);

const OF_SYNOLOGY = /@syno(eastream|resource)$/i;

/**
 * `._name` is a Mac's second half of a file, `name~` and `name.swp` belong to an editor, `~$name` to an office program.
 */
const PATTERNS = [/^\._./, /.~$/, /\.sw[a-z]$/i, /^~\$/, OF_SYNOLOGY];

/** File names of a dump. None begins with a dot, because no collection or database name may. */
const DATA = /\.(bson|ejson|bin|json)(\.gz|\.zst)?$/i;

/** Whether a backup may ignore a folder, judging by its name. */
export function isForeignFolder(name: string): boolean {
  // .Trash-1000, .snapshot, .Spotlight-V100, .stfolder, …
  return NAMES.has(name.toLowerCase()) || name.startsWith(".") || OF_SYNOLOGY.test(name);
}

/** The same for a file, or for anything that is in no manifest. */
export function isForeignName(name: string): boolean {
  if (NAMES.has(name.toLowerCase()) || PATTERNS.some((pattern) => pattern.test(name))) return true;
  // .DS_Store, .nfs0000…, .fuse_hidden…, .~lock.x#, .directory, …
  return name.startsWith(".") && !DATA.test(name);
}
