import { dirname, join } from "node:path";
import { readVersion } from "../doctor/probes/torch.ts";
import { RekindleError } from "../errors.ts";
import type { Host } from "../host/index.ts";

/** A Python with torch, as far as its files tell: nothing is imported. */
export interface PythonTorch {
  /** The program. */
  readonly python: string;
  readonly version?: string;
  readonly hip?: string;
  readonly cuda?: string;
}

const findTorch =
  "import importlib.util as u; s = u.find_spec('torch'); print(s.origin if s and s.origin else '')";

const problems = {
  missing: "cannot be found",
  "not allowed": "is no program that may be run",
  timeout: "does not answer within 20 s",
  killed: "was killed as soon as it ran",
} as const;

/** What a Python would import, or why that is not known. */
async function torchOf(host: Host, python: string): Promise<PythonTorch | string> {
  const { status, out, err, problem } = await host.run(python, ["-c", findTorch], {
    timeoutMs: 20_000,
    env: host.env,
  });
  if (problem) return problems[problem];
  if (status !== 0) return `does not run: ${err.trim().split("\n").at(-1) || `status ${status}`}`;
  const origin = out.trim().split("\n").at(-1);
  if (!origin) return "has no torch";
  const text = await host.readText(join(dirname(origin), "version.py"));
  return { python, ...readVersion(text ?? "") };
}

/**
 * The Python that is named, or the first of the usual ones that has torch; undefined where none is
 * named and none has. Throws "usage" where the named one does not run or has no torch.
 */
export async function findPython(
  host: Host,
  named: string | undefined,
): Promise<PythonTorch | undefined> {
  if (named === undefined) {
    for (const python of ["python", "python3"]) {
      const found = await torchOf(host, python);
      if (typeof found !== "string") return found;
    }
    return undefined;
  }
  // As a shell does, which leaves the "~" of torch:~/venv alone: a name with a slash is a path.
  const home = host.env.HOME || (await host.system()).home;
  const path = named.replace(/^~(?=[/\\])/, () => home);
  const python = /[/\\]/.test(path) ? host.resolve(path) : path;
  const found = await torchOf(host, python);
  if (typeof found !== "string") return found;
  throw new RekindleError("usage", `the Python ${named} ${found}`, {
    fix: "name the program of the environment that holds torch: --python path/to/venv/bin/python",
  });
}
