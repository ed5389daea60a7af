// The environment of programs that we start: ours, without the settings that hold secrets. Other programs of the same
// user can read it as long as they run, and what a program does with its own nobody knows.

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
