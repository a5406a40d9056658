// npm test: installs what the tests need, runs every tier that this machine can run, and ends with
// one line, "N passed, N failed, N skipped". Uses nothing but Node, so that it runs in a new clone.
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { installNodePackages } from "./node-packages.mjs";
import { capture, cpuSeconds, duration, limitCommands, run, step, timeSince } from "./process.mjs";
import { debian, newest, pytest } from "./python.mjs";
import {
  chromium,
  lavapipe,
  llvm,
  onnxTestData,
  provideBeside,
  provideSystemPackages,
  resources,
} from "./resources.mjs";
import { inCi } from "./results.mjs";
import { vitest } from "./vitest.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * The tiers, in the order in which they run. `needs` names rows of resources.mjs, `uses` those
 * without which some tests are skipped; `problem` is for what cannot be installed; `optional` means
 * that it may be skipped in CI too. `run` resolves to
 * `{ passed, skipped, failures, unsteady }`, the last two by name.
 */
const tiers = [
  { name: "check", what: "types and lint", needs: [], run: check },
  {
    name: "plain",
    what: "everything that needs no GPU",
    needs: [],
    uses: ["remedyTools"],
    run: () => vitest(root, "plain"),
  },
  {
    name: "software",
    what: "every operator and kernel on software Vulkan",
    needs: ["lavapipe"],
    run: () => vitest(root, "gpu", softwareVulkan()),
  },
  {
    name: "conformance",
    what: "ONNX's own tests, on the references and on software Vulkan",
    needs: ["lavapipe", "onnxTestData"],
    run: () =>
      vitest(root, "conformance", { ...softwareVulkan(), REKINDLE_ONNX_TESTDATA: onnxTestData() }),
  },
  {
    name: "browser",
    what: "the engine in Chromium, on SwiftShader",
    needs: ["chromium"],
    run: () => vitest(root, "browser", { REKINDLE_CHROMIUM: chromium() }),
  },
  {
    name: "inspect",
    what: "rekindle inspect against LLVM's own tools",
    needs: ["llvm", "buildTools"],
    run: () => vitest(root, "inspect", { REKINDLE_LLVM: llvm() }),
  },
  {
    name: "torch",
    what: "rekindle_torch beside a PyTorch, from the npm package",
    needs: ["pythonEnvironment", "hatchling", "lavapipe"],
    run: () => vitest(root, "torch", softwareVulkan()),
  },
  {
    name: "navi10",
    what: "the kernels compiled for gfx1010 by Mesa's compiler, without the card",
    needs: ["navi10"],
    run: () => vitest(root, "navi10"),
  },
  {
    name: "python",
    what: "the Python package with the newest PyTorch",
    needs: ["pythonEnvironment"],
    run: () => pytest(root, newest, softwareVulkan()),
  },
  {
    name: "python-oldest",
    what: "the Python package with Debian's PyTorch",
    needs: ["debianTorch", "debianEnvironment"],
    run: () => pytest(root, debian, softwareVulkan()),
  },
  {
    name: "gpu",
    what: "every operator and kernel on a real GPU",
    needs: [],
    optional: true,
    problem: () =>
      realGpu() ? undefined : "this machine has no GPU that Vulkan, Metal or D3D12 reaches",
    run: () => vitest(root, "gpu"),
  },
];

/** The types and the lint, each as one test. */
async function check() {
  const results = { passed: 0, skipped: 0, failures: [] };
  for (const [name, script, ...args] of [
    ["types (npx tsc)", "node_modules/typescript/bin/tsc"],
    ["lint (npx biome check .)", "node_modules/@biomejs/biome/bin/biome", "check", "."],
  ]) {
    const status = await run(process.execPath, [join(root, script), ...args], { cwd: root });
    if (status === 0) results.passed++;
    else results.failures.push(name);
  }
  return results;
}

/** Environment for tests on lavapipe: its driver alone, and compiled shaders kept between runs. */
function softwareVulkan() {
  const cache = join(root, ".cache/mesa");
  mkdirSync(cache, { recursive: true });
  return {
    VK_DRIVER_FILES: lavapipe(),
    // Compiling is most of what these tests wait for, and narrow vectors compile sooner, as does
    // code that LLVM does not optimize: three quarters of the CPU time, for the same answers.
    LP_NATIVE_VECTOR_WIDTH: "128",
    GALLIVM_PERF: "nopt",
    NODE_OPTIONS: `--import=${new URL("patient-polling.mjs", import.meta.url)}`,
    MESA_SHADER_CACHE_DIR: cache,
    XDG_RUNTIME_DIR:
      process.env.XDG_RUNTIME_DIR ?? mkdtempSync(join(tmpdir(), "rekindle-runtime-")),
  };
}

/** The name of the GPU that tests would run on, or "". */
function realGpu() {
  return capture(process.execPath, ["scripts/find-gpu.mjs"], { cwd: root }).text.trim();
}

/** Runs one tier, or says why not. In CI a tier that cannot run is a failure, unless optional. */
async function runTier(tier) {
  for (const name of tier.needs.filter((need) => beside.has(need))) {
    console.log(`\n${await beside.get(name)}`);
    beside.delete(name);
  }
  const lacking = tier.needs.map((name) => resources[name].problem()).filter(Boolean);
  const problem = lacking.join("; ") || tier.problem?.();
  if (!problem) return await step(`${tier.name}: ${tier.what}`, () => tier.run());
  const isFailure = inCi && !tier.optional;
  console.log(`\n== ${tier.name}: ${isFailure ? "FAILED" : "skipped"}, because ${problem}`);
  return { passed: 0, skipped: isFailure ? 0 : 1, failures: isFailure ? [problem] : [] };
}

const usage = `Usage: npm test -- [--list] [--tier NAME[,NAME...]] [--limit MINUTES]
  --limit  a command that takes longer is killed, and its tier fails (30)`;

/** Ends the process: the command line cannot be used. */
function refuse(why) {
  console.error(`${why}\n${usage}`);
  return process.exit(2);
}

function options() {
  const tier = { type: "string", multiple: true, default: [] };
  const limit = { type: "string", default: "30" };
  try {
    return parseArgs({ options: { tier, limit, list: { type: "boolean" } } }).values;
  } catch (error) {
    return refuse(error.message);
  }
}

function selected(names) {
  const unknown = names.filter((name) => !tiers.some((t) => t.name === name));
  if (unknown.length > 0) {
    refuse(`There is no tier ${unknown.join(", ")}: ${tiers.map((t) => t.name).join(", ")}`);
  }
  return names.length === 0 ? tiers : tiers.filter((t) => names.includes(t.name));
}

/** What failed, by name, and then one line for each tier. */
function report(rows) {
  for (const [title, key] of [
    ["Failed", "failures"],
    ["Failed at first, passed when its file was run again alone", "unsteady"],
  ]) {
    const found = rows.flatMap(([tier, { [key]: names = [] }]) => names.map((n) => [tier, n]));
    if (found.length > 0) console.log(`\n${title}:`);
    for (const [tier, name] of found) console.log(`  ${tier.padEnd(14)}${name}`);
  }
  const titles = ["time", "CPU time", "passed", "failed", "skipped"];
  console.log(`\n${"tier".padEnd(14)}${titles.map((title) => title.padStart(13)).join("")}`);
  for (const [tier, { passed, skipped, failures }, time, cpu] of rows) {
    const times = [time, cpu].map((seconds) => (seconds >= 0 ? duration(seconds) : "-"));
    const cells = [...times, passed, failures.length, skipped];
    console.log(tier.padEnd(14) + cells.map((cell) => `${cell}`.padStart(13)).join(""));
  }
}

const values = options();
if (values.list) {
  for (const tier of tiers) console.log(`${tier.name.padEnd(14)} ${tier.what}`);
  process.exit(0);
}
if (!(Number(values.limit) > 0)) refuse(`--limit ${values.limit}: not a number of minutes`);
limitCommands(Number(values.limit));
const chosen = selected(values.tier.flatMap((names) => names.split(",")));
const needs = [...new Set(chosen.flatMap(({ needs, uses = [] }) => [...needs, ...uses]))];

const start = performance.now();
const [installed] = await Promise.all([installNodePackages(root), provideSystemPackages(needs)]);
const install = { passed: 0, skipped: 0, failures: installed === true ? [] : [installed] };
const rows = [["install", install, (performance.now() - start) / 1000, cpuSeconds()]];
const beside = installed === true ? provideBeside(needs) : new Map();
for (const tier of installed === true ? chosen : []) {
  const [began, cpuBefore] = [performance.now(), cpuSeconds()];
  const results = await runTier(tier);
  rows.push([tier.name, results, (performance.now() - began) / 1000, cpuSeconds() - cpuBefore]);
}
report(rows);
console.log(`in ${timeSince(start)}\n`);
const sum = (of) => rows.reduce((total, [, results]) => total + of(results), 0);
const failed = sum(({ failures }) => failures.length);
console.log(`${sum((r) => r.passed)} passed, ${failed} failed, ${sum((r) => r.skipped)} skipped`);
process.exitCode = failed > 0 ? 1 : 0;
