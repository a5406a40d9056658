import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A compiler cache that does something else from its sixth compilation on. */
export interface SlowCompiler {
  /** The folder to put before the others of PATH. */
  readonly path: string;
  /** Sources that were compiled since it was asked last, in order. */
  compiled(): string[];
  /** From here on it compiles. */
  release(): void;
}

/** The first checks that the compiler works; four files are compiled. */
const from = 6;

const actions = {
  /** Waits, so that a build is in its middle for as long as a test likes. */
  waits: 'while [ -e "$held" ]; do sleep 0.1; done',
  /** Kills the program that runs the build, as the kernel does when memory is short. */
  kills: `pid=$$
    while [ -e "$held" ] && [ "$pid" -gt 1 ]; do
      if [ "$(cat "/proc/$pid/comm")" = ninja ]; then kill -KILL "$pid"; sleep 600; fi
      pid=$(cut -d " " -f 4 "/proc/$pid/stat")
    done`,
};

export function slowCompiler(folder: string, does: keyof typeof actions): SlowCompiler {
  const path = join(folder, "slow");
  const [calls, held] = [join(path, "calls"), join(path, "held")];
  mkdirSync(path);
  writeFileSync(held, "");
  writeFileSync(
    join(path, "ccache"),
    `#!/bin/sh
held='${held}'
case " $* " in
*" -c "*)
  echo "$*" >> '${calls}'
  if [ "$(wc -l < '${calls}')" -ge ${from} ]; then
    ${actions[does]}
  fi ;;
esac
exec /usr/bin/ccache "$@"
`,
  );
  chmodSync(join(path, "ccache"), 0o755);
  return {
    path,
    compiled() {
      const text = existsSync(calls) ? readFileSync(calls, "utf8") : "";
      rmSync(calls, { force: true });
      return [...text.matchAll(/(\w+\.(?:cpp|hip))(?: |$)/gm)].map(([, name]) => name!);
    },
    release: () => rmSync(held, { force: true }),
  };
}
