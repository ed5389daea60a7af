// What programs that we start inherit: our environment without the settings that hold secrets, which other programs of
// the same user could read as long as they run; and a umask under which nothing that they create is for others.

const withheld = new Set<string>();

/** From now on programs are not given these variables. */
export function withhold(names: Iterable<string>): void {
  for (const name of names) withheld.add(name);
}

/** `more` on top; undefined takes a variable out. With `all`: secrets too, for commands that the user wrote. */
export function childEnvironment(
  more: Readonly<Record<string, string | undefined>> = {},
  all = false,
): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(([name]) => all || !withheld.has(name));
  return { ...Object.fromEntries(own), ...more };
}

/** Runs `start`, which must start a program before it returns, so that what that creates is for its owner alone. */
export function withPrivateUmask<T>(start: () => T): T {
  const before = process.umask(0o077);
  try {
    return start();
  } finally {
    process.umask(before);
  }
}
