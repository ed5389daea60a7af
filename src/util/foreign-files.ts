// Names of files that nobody put there on purpose: what file servers, desktops, editors and file systems leave beside
// others' files. What must stay true: none is a name under which a dump keeps data, which nothing may pass over.

/** Whole names, in any case of their letters. */
const NAMES: ReadonlySet<string> = new Set([
  ...["thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r", "$recycle.bin"],
  ...["system volume information", "lost+found", "__macosx", "network trash folder"],
  // Synology, QNAP, NetApp.
  ...["@eadir", "@tmp", "@recycle", "#recycle", "#snapshot", "~snapshot", "temporary items"],
]);

const OF_SYNOLOGY = /@syno(eastream|resource)$/i;

/** `._name` is a Mac's second half of a file, `name~` and `name.swp` are an editor's, `~$name` an office program's. */
const PATTERNS = [/^\._./, /.~$/, /\.sw[a-z]$/i, /^~\$/, OF_SYNOLOGY];

/** What a dump calls its files. None of these begins with a dot: no collection's and no database's name may. */
const DATA = /\.(bson|ejson|bin|json)(\.gz|\.zst)?$/i;

/** Whether a folder of that name is of no concern to a backup, as far as its name tells. */
export function isForeignFolder(name: string): boolean {
  // .Trash-1000, .snapshot, .Spotlight-V100, .stfolder, …
  return NAMES.has(name.toLowerCase()) || name.startsWith(".") || OF_SYNOLOGY.test(name);
}

/** The same of a file; or of anything that no manifest names. */
export function isForeignName(name: string): boolean {
  if (NAMES.has(name.toLowerCase()) || PATTERNS.some((pattern) => pattern.test(name))) return true;
  // .DS_Store, .nfs0000…, .fuse_hidden…, .~lock.x#, .directory, …
  return name.startsWith(".") && !DATA.test(name);
}
