// npm test: installs what the tests need, runs every tier that this machine can run, and ends with
// one line, "N passed, N failed, N skipped". Uses nothing but Node, so that it runs in a new clone.
import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { installNodePackages } from "./node-packages.mjs";
import { capture, run, step, timeSince } from "./process.mjs";
import { debian, newest, pytest } from "./python.mjs";
import { chromium, lavapipe, llvm, onnxTestData, provide, resources } from "./resources.mjs";
import { vitest } from "./vitest.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * The tiers, in the order in which they run. `needs` names rows of resources.mjs; `problem` is for
 * what cannot be installed; `optional` means that it may be skipped in CI too. `run` resolves to
 * `{ passed, failed, skipped }`.
 */
const tiers = [
  { name: "check", what: "types and lint", needs: [], run: check },
  {
    name: "plain",
    what: "everything that needs no GPU",
    needs: [],
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
  const count = { passed: 0, failed: 0, skipped: 0 };
  for (const [script, ...args] of [
    ["node_modules/typescript/bin/tsc"],
    ["node_modules/@biomejs/biome/bin/biome", "check", "."],
  ]) {
    const status = await run(process.execPath, [join(root, script), ...args], { cwd: root });
    count[status === 0 ? "passed" : "failed"]++;
  }
  return count;
}

/** Environment for tests on lavapipe: its driver alone, and compiled shaders kept between runs. */
function softwareVulkan() {
  const cache = join(root, ".cache/mesa");
  mkdirSync(cache, { recursive: true });
  return {
    VK_DRIVER_FILES: lavapipe(),
    // Narrower vectors compile sooner, and compiling is most of what these tests wait for.
    LP_NATIVE_VECTOR_WIDTH: "128",
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
  const lacking = tier.needs.map((name) => resources[name].problem()).filter(Boolean);
  const problem = lacking.join("; ") || tier.problem?.();
  if (!problem) return await step(`${tier.name}: ${tier.what}`, () => tier.run());
  const failure = inCi && !tier.optional;
  console.log(`\n== ${tier.name}: ${failure ? "FAILED" : "skipped"}, because ${problem}`);
  return { passed: 0, failed: failure ? 1 : 0, skipped: failure ? 0 : 1 };
}

function options() {
  const tier = { type: "string", multiple: true, default: [] };
  try {
    return parseArgs({ options: { tier, list: { type: "boolean" } } }).values;
  } catch (error) {
    console.error(`${error.message}\nUsage: npm test -- [--list] [--tier NAME[,NAME...]]`);
    return process.exit(2);
  }
}

function selected(names) {
  const unknown = names.filter((name) => !tiers.some((t) => t.name === name));
  if (unknown.length > 0) {
    console.error(
      `There is no tier ${unknown.join(", ")}. Tiers: ${tiers.map((t) => t.name).join(", ")}`,
    );
    process.exit(2);
  }
  return names.length === 0 ? tiers : tiers.filter((t) => names.includes(t.name));
}

const inCi = !["", "0", "false", undefined].includes(process.env.CI);
const values = options();
if (values.list) {
  for (const tier of tiers) console.log(`${tier.name.padEnd(12)} ${tier.what}`);
  process.exit(0);
}

const chosen = selected(values.tier.flatMap((names) => names.split(",")));
const start = performance.now();
await installNodePackages(root);
await provide([...new Set(chosen.flatMap((tier) => tier.needs))]);
const total = { passed: 0, failed: 0, skipped: 0 };
const rows = [];
for (const tier of chosen) {
  const began = performance.now();
  const count = await runTier(tier);
  rows.push([tier.name, timeSince(began), count]);
  for (const key of Object.keys(total)) total[key] += count[key];
}
console.log(`\n${"tier".padEnd(14)}${"time".padStart(14)}${"passed".padStart(9)}  failed  skipped`);
for (const [name, time, { passed, failed, skipped }] of rows) {
  const cells = [`${passed}`.padStart(9), `${failed}`.padStart(8), `${skipped}`.padStart(9)];
  console.log(name.padEnd(14) + time.padStart(14) + cells.join(""));
}
console.log(`in ${timeSince(start)}\n`);
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed > 0 ? 1 : 0;
