// What started programs inherit: the environment without settings that hold secrets, which other programs of the same
// user could read while they run, and a private umask.

const withheld = new Set<string>();

/** From now on, started programs do not get these variables. */
export function withhold(names: Iterable<string>): void {
  for (const name of names) withheld.add(name);
}

/** `more` is added; undefined removes a variable. With `all` secrets are included, for commands that the user wrote. */
export function childEnvironment(
  more: Readonly<Record<string, string | undefined>> = {},
  all = false,
): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(([name]) => all || !withheld.has(name));
  return { ...Object.fromEntries(own), ...more };
}

/** Runs `start`, which must start a program before it returns, so that all files of that program are private. */
export function withPrivateUmask<T>(start: () => T): T {
  const before = process.umask(0o077);
  try {
    return start();
  } finally {
    process.umask(before);
  }
}
