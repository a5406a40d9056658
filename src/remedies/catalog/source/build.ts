import { RekindleError } from "../../../errors.ts";
import type { Situation } from "../../remedy.ts";
import type { Argument, RunStep, Step } from "../../step.ts";
import { makeEnvironment, pythonIn } from "../common.ts";
import { fetchSources, type Sources, writeGitScript } from "../git.ts";
import { rekindleCommand } from "../rekindle-itself.ts";
import { benchmarkScript } from "./benchmark.ts";
import type { Compilers } from "./compilers.ts";
import { patchComposableKernel } from "./composable-kernel.ts";
import { buildNeeds } from "./dependencies.ts";
import type { Release } from "./releases.ts";

/** What is decided before the steps are. */
export interface BuildOrder {
  readonly folder: string;
  readonly rocm: string;
  readonly release: Release;
  readonly compilers: Compilers;
  readonly jobs: number;
  readonly gfx: string;
  readonly diskBytes: number;
}

const hours = 3600_000;
/** Ninja's counter. */
const counter = "\\[(?<done>\\d+)/(?<total>\\d+)\\]";

/** The steps of a build, and the interpreter that it is installed for. */
export async function buildSteps(
  situation: Situation,
  order: BuildOrder,
): Promise<{ steps: Step[]; python: string }> {
  const { options, host } = situation;
  const { folder, release, compilers, diskBytes } = order;
  const environment = `${folder}/environment`;
  const build = `${folder}/build`;
  const python = pythonIn(environment, host.platform);
  const gitScript = `${build}/run-git.py`;
  const wheel = await wheelOf(situation, order);
  const make = makeEnvironment(situation, environment, options.python!, diskBytes);
  const torch = torchSources(situation, release, `${build}/pytorch`);
  const builder = new Builder(situation, order, python);
  const steps: Step[] = [
    { ...make, needs: [...(make.needs ?? []), ...buildNeeds(order.rocm), ...compilers.needs] },
    writeGitScript(gitScript),
    ...fetchSources(torch, python, gitScript),
    ...(release.isPatched
      ? patchComposableKernel(torch.folder, python, `${build}/add-gfx101x.py`)
      : []),
    ...compilers.steps,
    builder.pip("install-build-tools", "install what the build needs", [
      ...["-r", { path: `${torch.folder}/requirements.txt` }, ...buildTools],
    ]),
    builder.convert(torch.folder),
    builder.build("torch", torch.folder),
    inspectWheel(wheel, order.gfx),
    builder.pip("install-torch", "install the PyTorch that was built", [{ path: wheel }]),
    ...(options.vision === "yes" ? visionSteps(builder, order, python, gitScript) : []),
    {
      kind: "write",
      id: "write-benchmark",
      does: "write a program that times convolutions",
      path: `${build}/benchmark.py`,
      content: benchmarkScript,
      before: null,
    },
  ];
  return { steps, python };
}

/** Setuptools from 82 on has no command that old build scripts use. */
const buildTools = ["cmake", "ninja", "wheel", "setuptools<82"];

function torchSources({ options }: Situation, release: Release, folder: string): Sources {
  const isPinned = options.ref === "";
  const commit = isPinned ? release.commit : options.commit;
  return {
    id: "torch",
    url: options.source!,
    ref: isPinned ? `refs/tags/${release.tag}` : options.ref!,
    ...(commit && { commit }),
    folder,
    hasSubmodules: true,
  };
}

function visionSteps(
  builder: Builder,
  { folder, release }: BuildOrder,
  python: string,
  gitScript: string,
): Step[] {
  const vision: Sources = {
    id: "torchvision",
    url: "https://github.com/pytorch/vision",
    ref: `refs/tags/${release.visionTag}`,
    folder: `${folder}/build/vision`,
    hasSubmodules: false,
  };
  return [
    ...fetchSources(vision, python, gitScript),
    builder.pip("install-torchvision", "build and install torchvision", [
      ...["--no-build-isolation", "--no-deps", { path: vision.folder }],
    ]),
    builder.pip("install-pictures", "install what torchvision needs", ["numpy", "pillow"]),
  ];
}

/** Before anything is installed: the code for the card has to be in it. */
function inspectWheel(wheel: string, gfx: string): RunStep {
  return {
    kind: "run",
    id: "inspect-wheel",
    does: `look for code for ${gfx} in the wheel`,
    command: rekindleCommand("inspect", { path: wheel }, "--for", gfx),
    needs: [{ check: { exists: wheel }, otherwise: "the build left no wheel of that name" }],
    timeoutMs: hours,
  };
}

/** Where the build will leave the wheel: its name holds the version and the Python. */
async function wheelOf({ options, host }: Situation, order: BuildOrder): Promise<string> {
  const asked = await host.run(options.python!, [
    ...["-c", "import sys, platform; print(*sys.version_info[:2], platform.machine())"],
  ]);
  const [, major, minor, machine] = /^(\d+) (\d+) (\w+)/.exec(asked.out) ?? [];
  if (machine === undefined) {
    throw new RekindleError("remedy-impossible", `${options.python} does not run`, {
      fix: "--set python=PROGRAM names another Python",
    });
  }
  const tag = `cp${major}${minor}`;
  const name = `torch-${versionOf(order)}-${tag}-${tag}-linux_${machine}.whl`;
  return `${order.folder}/build/pytorch/dist/${name}`;
}

const versionOf = ({ release, gfx }: BuildOrder) => `${release.tag.slice(1)}+rekindle.${gfx}`;

/** Steps that run in the environment of the build. */
class Builder {
  readonly #situation: Situation;
  readonly #python: string;
  readonly #env: Readonly<Record<string, string | null>>;

  constructor(situation: Situation, order: BuildOrder, python: string) {
    this.#situation = situation;
    this.#python = python;
    this.#env = environmentOf(situation, order);
  }

  pip(id: string, does: string, args: readonly Argument[]): RunStep {
    const { index } = this.#situation.options;
    return {
      kind: "run",
      id,
      does,
      command: {
        program: { path: this.#python },
        args: [
          ...["-m", "pip", "--disable-pip-version-check", "--no-input", "install"],
          ...(index ? ["--index-url", index] : []),
          ...args,
        ],
        env: this.#env,
      },
      network: true,
      continues: true,
      timeoutMs: 4 * hours,
    };
  }

  /** CUDA's names become HIP's, in the sources themselves. */
  convert(folder: string): RunStep {
    return {
      kind: "run",
      id: "convert-to-hip",
      does: "convert PyTorch's CUDA sources to HIP",
      command: {
        program: { path: this.#python },
        args: ["tools/amd_build/build_amd.py"],
        env: this.#env,
        folder,
      },
      continues: true,
      timeoutMs: hours,
    };
  }

  build(id: string, folder: string): RunStep {
    return {
      kind: "run",
      id: `build-${id}`,
      does: `compile ${id}`,
      command: {
        program: { path: this.#python },
        args: ["setup.py", "bdist_wheel"],
        env: this.#env,
        folder,
      },
      continues: true,
      progress: counter,
      timeoutMs: 48 * hours,
    };
  }
}

function environmentOf(
  { host }: Situation,
  order: BuildOrder,
): Readonly<Record<string, string | null>> {
  const { folder, rocm, release, compilers, jobs, gfx } = order;
  return {
    ROCM_PATH: rocm,
    ROCM_HOME: rocm,
    HIP_PATH: rocm,
    CMAKE_PREFIX_PATH: rocm,
    PYTORCH_ROCM_ARCH: gfx,
    USE_ROCM: "1",
    USE_CUDA: "0",
    BUILD_TEST: "0",
    MAX_JOBS: `${jobs}`,
    PYTORCH_BUILD_VERSION: versionOf(order),
    PYTORCH_BUILD_NUMBER: "1",
    ...release.env,
    ...compilers.env,
    PATH: `${folder}/environment/bin:${rocm}/bin:${host.env.PATH ?? "/usr/bin:/bin"}`,
    HSA_OVERRIDE_GFX_VERSION: null,
  };
}
