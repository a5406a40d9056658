import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { capture, run } from "./process.mjs";

// The Python tests run in environments of their own below .cache, one per PyTorch.

/** Python with its own PyTorch: what tests/requirements.txt pins, installed by pip. */
export const newest = {
  folder: ".cache/python",
  interpreter: () => process.env.REKINDLE_PYTHON ?? "python3",
  options: [],
  requirements: "python/tests/requirements.txt",
};

/** Debian's Python with Debian's PyTorch, which is the oldest that the package supports. */
export const debian = {
  folder: ".cache/python-debian",
  interpreter: () => "/usr/bin/python3",
  options: ["--system-site-packages"],
  requirements: "python/tests/requirements-debian.txt",
};

const bin = process.platform === "win32" ? "Scripts/python.exe" : "bin/python";
const pythonOf = (root, { folder }) => join(root, folder, bin);
const markOf = (root, { folder }) => join(root, folder, "installed");

/** What an environment is made from: when it changes, the environment is made anew. */
function recipeOf(root, environment) {
  const version = capture(environment.interpreter(), ["--version"]).text;
  const text = version + readFileSync(join(root, environment.requirements), "utf8");
  return createHash("sha256").update(text).digest("hex");
}

/** Why an environment cannot be used as it is, or undefined. */
export function environmentProblem(root, environment) {
  const interpreter = environment.interpreter();
  if (capture(interpreter, ["-c", "import venv, ensurepip"]).status !== 0) {
    return `${interpreter} with venv is not installed`;
  }
  const mark = markOf(root, environment);
  if (!existsSync(mark)) return `${environment.folder} is not there`;
  const isCurrent = readFileSync(mark, "utf8") === recipeOf(root, environment);
  return isCurrent
    ? undefined
    : `${environment.folder} is not what ${environment.requirements} says`;
}

/** Makes an environment anew; resolves to true, or to a sentence that says what failed. */
export async function createEnvironment(root, environment) {
  const folder = join(root, environment.folder);
  rmSync(folder, { recursive: true, force: true });
  const make = ["-m", "venv", ...environment.options, folder];
  if ((await run(environment.interpreter(), make)) !== 0) return "python3 -m venv failed";
  const packages = ["-r", join(root, environment.requirements)];
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...packages];
  if ((await run(pythonOf(root, environment), pip)) !== 0) return "pip install failed";
  writeFileSync(markOf(root, environment), recipeOf(root, environment));
  return true;
}

/** Runs pytest in an environment; resolves to `{ passed, failed, skipped }`. */
export async function pytest(root, environment, env = {}) {
  const folder = mkdtempSync(join(tmpdir(), "rekindle-pytest-"));
  const file = join(folder, "results.xml");
  const spread = ["-n", "2", "--dist", "loadfile"];
  const args = ["-m", "pytest", "-q", ...spread, "-p", "no:cacheprovider", `--junitxml=${file}`];
  try {
    const status = await run(pythonOf(root, environment), args, {
      cwd: join(root, "python"),
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1", ...env },
    });
    return countJunit(existsSync(file) ? readFileSync(file, "utf8") : "", status);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Counts the tests of a JUnit report by the attributes of its suites. What went wrong outside of
 * any test (a crash, no report, no test at all) counts as one failure.
 */
export function countJunit(xml, status) {
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const [suite] of xml.matchAll(/<testsuite\s[^>]*>/g)) {
    const of = (name) => Number(new RegExp(`\\s${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
    const failed = of("failures") + of("errors");
    count.failed += failed;
    count.skipped += of("skipped");
    count.passed += of("tests") - failed - of("skipped");
  }
  const sound = status === 0 && count.passed > 0;
  if (!sound && count.failed === 0) count.failed = 1;
  return count;
}
