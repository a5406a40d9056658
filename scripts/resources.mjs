import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { aptInstall, hasApt, isRoot, majorOf, versionOf } from "./apt.mjs";
import { capture, step, timeSince } from "./process.mjs";
import { createEnvironment, debian, environmentProblem, newest } from "./python.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Folders in which Vulkan drivers describe themselves. */
const driverFolders = [
  "/usr/share/vulkan/icd.d",
  "/usr/local/share/vulkan/icd.d",
  "/etc/vulkan/icd.d",
];

/** The file that names lavapipe, Mesa's Vulkan for CPUs, or undefined. */
export function lavapipe() {
  for (const folder of driverFolders.filter((f) => existsSync(f))) {
    const file = readdirSync(folder).find((name) => /^lvp_icd.*\.json$/.test(name));
    if (file) return join(folder, file);
  }
  return undefined;
}

/** The folder of ONNX's backend node tests, or undefined. */
export function onnxTestData() {
  const folders = [process.env.REKINDLE_ONNX_TESTDATA, "/usr/share/libonnx-testdata/data"];
  return folders.find((folder) => folder && existsSync(join(folder, "node")));
}

/** Debian's Chromium, or the one that REKINDLE_CHROMIUM names, or undefined. */
export function chromium() {
  const paths = [process.env.REKINDLE_CHROMIUM, "/usr/bin/chromium"];
  return paths.find((path) => path && existsSync(path));
}

/** The programs of LLVM 19 in Debian, or in the folder that REKINDLE_LLVM names, or undefined. */
export function llvm() {
  const folders = [process.env.REKINDLE_LLVM, "/usr/lib/llvm-19/bin"];
  const programs = ["clang", "ld.lld", "llvm-objcopy", "llvm-readelf", "clang-offload-bundler"];
  return folders.find((folder) => folder && programs.every((p) => existsSync(join(folder, p))));
}

/** Why the driver that compiles for gfx1010 (tools/navi10) cannot be built or run, or undefined. */
function navi10Problem() {
  if (capture("gcc", ["--version"]).status !== 0) return "gcc is not installed";
  const include = (name) => capture("gcc", ["-xc", "-E", "-include", name, "/dev/null"]);
  if (include("stdio.h").status !== 0) return "the headers of the C library are not installed";
  if (include("vulkan/vulkan.h").status !== 0) return "the Vulkan headers are not installed";
  const isRadv = (name) => /^radeon_icd.*\.json$/.test(name);
  if (!driverFolders.some((f) => existsSync(f) && readdirSync(f).some(isRadv))) {
    return "Mesa's RADV is not installed";
  }
  const mesa = hasApt() ? versionOf("mesa-vulkan-drivers") : undefined;
  return mesa && majorOf(mesa) < 25 ? `Mesa ${mesa} is too old (needs 25)` : undefined;
}

/**
 * What tiers need from the machine. To add one: a row here, and its key in `needs` of a tier in
 * test.mjs. `problem` says why it cannot be used, or undefined; `packages` are Debian's; `install`
 * makes what needs no rights.
 */
export const resources = {
  lavapipe: {
    why: "software Vulkan: runs every kernel without a GPU",
    packages: [{ name: "libvulkan1" }, { name: "mesa-vulkan-drivers", major: 24 }],
    elsewhere: "install the Vulkan loader and Mesa's lavapipe, version 24 or later",
    problem() {
      if (!lavapipe()) return "lavapipe is not installed";
      const mesa = hasApt() ? versionOf("mesa-vulkan-drivers") : undefined;
      return mesa && majorOf(mesa) < 24 ? `Mesa ${mesa} is too old for Dawn (needs 24)` : undefined;
    },
  },
  onnxTestData: {
    why: "ONNX's own tests of every operator",
    packages: [{ name: "libonnx-testdata" }],
    elsewhere: "set REKINDLE_ONNX_TESTDATA to the folder onnx/backend/test/data of ONNX's sources",
    problem: () => (onnxTestData() ? undefined : "ONNX's test data are not installed"),
  },
  navi10: {
    why: "the kernels as Mesa compiles them for gfx1010, without the card",
    packages: [
      ...["gcc", "libc6-dev", "libvulkan-dev", "libvulkan1"].map((name) => ({ name })),
      { name: "mesa-vulkan-drivers", major: 25 },
    ],
    elsewhere: "install gcc, the Vulkan headers, and Mesa's RADV 25 or later (Linux only)",
    problem: navi10Problem,
  },
  chromium: {
    why: "the engine in a browser",
    packages: [{ name: "chromium" }],
    elsewhere: "set REKINDLE_CHROMIUM to the path of Chromium or Chrome",
    problem: () => (chromium() ? undefined : "Chromium is not installed"),
  },
  llvm: {
    why: "binaries with GPU code, and LLVM's own view of them",
    packages: ["clang-19", "clang-tools-19", "lld-19", "llvm-19", "zstd", "python3"].map(
      (name) => ({
        name,
      }),
    ),
    elsewhere: "install LLVM 19 with clang and lld, and set REKINDLE_LLVM to its folder bin",
    problem: () => (llvm() ? undefined : "LLVM 19 is not installed"),
  },
  buildTools: {
    why: "remedies that build from source, on a small project",
    packages: [
      ...["g++", "cmake", "ninja-build", "git", "python3-venv"],
      ...["ccache", "sccache", "distcc", "icecc"],
    ].map((name) => ({ name })),
    elsewhere: "install a C++ compiler, CMake, Ninja, git, ccache, sccache, distcc and icecream",
    problem: () => lackingOf(["g++", "cmake", "ninja", "git", "ccache", "sccache", "distccd"]),
  },
  remedyTools: {
    why: "remedies carried out: environments, container images, units of systemd",
    packages: [
      ...["buildah", "busybox-static", "git", "python3-venv", "python3-yaml", "systemd"],
    ].map((name) => ({ name })),
    elsewhere: "install buildah, busybox, git, and Python with venv and yaml (Linux only)",
    problem() {
      const lacking = lackingOf(["buildah", "git", "systemd-analyze"]);
      if (lacking) return lacking;
      if (capture("busybox", ["true"]).status !== 0) return "busybox is not installed";
      const { status } = capture("/usr/bin/python3", ["-c", "import ensurepip, yaml"]);
      return status === 0 ? undefined : "Python's modules venv and yaml are not installed";
    },
  },
  hatchling: {
    why: "what builds the Python package, for tests without the network",
    packages: [{ name: "python3-hatchling" }],
    elsewhere: "install hatchling for the system's Python",
    problem() {
      const { status } = capture("/usr/bin/python3", ["-c", "import hatchling"]);
      return status === 0 ? undefined : "hatchling is not installed";
    },
  },
  debianTorch: {
    why: "the oldest PyTorch that the Python package supports",
    packages: ["python3-torch", "python3-venv"].map((name) => ({ name })),
    elsewhere: "install Debian's python3-torch and python3-venv",
    problem: () => (hasDebianTorch() ? undefined : "Debian's PyTorch is not installed"),
  },
  debianEnvironment: {
    why: "what tests need beside Debian's PyTorch",
    elsewhere: "it needs Debian's python3-venv",
    problem: () => environmentProblem(root, debian),
    install: () => createEnvironment(root, debian),
  },
  pythonEnvironment: {
    why: "the newest PyTorch, in an environment of its own",
    elsewhere: "install Python 3.10 or later with venv, or name it in REKINDLE_PYTHON",
    problem: () => environmentProblem(root, newest),
    install: () => createEnvironment(root, newest),
  },
};

/** Which programs do not run, or undefined. */
function lackingOf(programs) {
  const lacking = programs.filter((name) => capture(name, ["--version"]).status !== 0);
  return lacking.length > 0 ? `${lacking.join(", ")} not installed` : undefined;
}

function hasDebianTorch() {
  const modules = "import ensurepip, torch";
  return capture("/usr/bin/python3", ["-c", modules]).status === 0;
}

/**
 * Installs the system packages that `names` lack where this is Debian and we are root; else says
 * how to.
 */
export async function provideSystemPackages(names) {
  const lacking = names.filter((name) => resources[name].packages && resources[name].problem());
  for (const name of lacking) console.log(`${resources[name].problem()} (${resources[name].why})`);
  if (lacking.length === 0) return;
  if (!hasApt()) {
    for (const name of lacking) console.log(`To enable: ${resources[name].elsewhere}`);
    return;
  }
  if (!isRoot()) {
    console.log("To enable: sudo node scripts/system-packages.mjs");
    return;
  }
  const packages = lacking.flatMap((name) => resources[name].packages);
  const list = packages.map((p) => p.name).join(", ");
  const result = await step(`system packages: ${list}`, () => aptInstall(packages));
  if (result !== true) console.error(result);
}

/**
 * Starts to install what `names` lack and what needs no rights, one after another, beside other
 * work. Gives for each a promise of the line to print before it is used.
 */
export function provideBeside(names) {
  const started = new Map();
  let last;
  for (const name of names) {
    if (!resources[name].install || !resources[name].problem()) continue;
    last = installAfter(last, name);
    started.set(name, last);
  }
  return started;
}

async function installAfter(other, name) {
  await other;
  const start = performance.now();
  const result = await resources[name].install();
  if (result === true) return `== ${name} was installed meanwhile: ${timeSince(start)}`;
  return `${result}\nTo enable ${name}: ${resources[name].elsewhere}`;
}
