import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { capture, run } from "./process.mjs";
import { count, resultsOf, troubleOf } from "./results.mjs";

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

/** Makes an environment anew, quietly; resolves to true, or to what failed, with its output. */
export async function createEnvironment(root, environment) {
  const folder = join(root, environment.folder);
  rmSync(folder, { recursive: true, force: true });
  const requirements = join(root, environment.requirements);
  const install = ["install", "--quiet", "--disable-pip-version-check", "-r", requirements];
  for (const [program, ...args] of [
    [environment.interpreter(), "-m", "venv", ...environment.options, folder],
    [pythonOf(root, environment), "-m", "pip", ...install],
  ]) {
    let output = "";
    const collect = (text) => {
      output += text;
    };
    const status = await run(program, args, { collect });
    if (status !== 0) return `${output}\n${args.slice(0, 3).join(" ")} failed (status ${status})`;
  }
  writeFileSync(markOf(root, environment), recipeOf(root, environment));
  return true;
}

/** A test that takes longer than this is shown with what it is doing, and its worker ends. */
const testSecondsMax = 600;

/** Runs pytest in an environment; resolves to the results of results.mjs. */
export function pytest(root, environment, env) {
  return resultsOf((files) => once(root, environment, env, files));
}

async function once(root, environment, env, files) {
  const folder = mkdtempSync(join(tmpdir(), "rekindle-pytest-"));
  const file = join(folder, "results.xml");
  const spread = ["-n", "2", "--dist", "loadfile", "--max-worker-restart=1"];
  const limits = [`faulthandler_timeout=${testSecondsMax}`, "faulthandler_exit_on_timeout=true"];
  const options = ["-q", ...spread, "-p", "no:cacheprovider", ...limits.flatMap((o) => ["-o", o])];
  try {
    const args = ["-m", "pytest", ...options, `--junitxml=${file}`, ...files];
    const status = await run(pythonOf(root, environment), args, {
      cwd: join(root, "python"),
      env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1", ...env },
    });
    const results = byFile(existsSync(file) ? readFileSync(file, "utf8") : "");
    return { files: results, trouble: troubleOf(results, "pytest", status) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The results in a JUnit report, which names a file as a module: "tests.layers.test_layers". */
function byFile(xml) {
  const files = new Map();
  for (const [, attributes, body] of xml.matchAll(
    /<testcase\s([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs,
  )) {
    const [module, name] = ["classname", "name"].map((key) => attributeOf(attributes, key));
    const failed = /<(failure|error)\s/.test(body);
    const outcome = failed ? "failed" : /<skipped\s/.test(body) ? "skipped" : "passed";
    count(files, `${module.replaceAll(".", "/")}.py`, outcome, `${module} > ${name}`);
  }
  return files;
}

const entities = { "&lt;": "<", "&gt;": ">", "&quot;": '"', "&amp;": "&" };

function attributeOf(attributes, key) {
  const [, text = ""] = new RegExp(`(?:^|\\s)${key}="([^"]*)"`).exec(attributes) ?? [];
  return text.replace(/&(lt|gt|quot|amp);/g, (entity) => entities[entity]);
}
