import { some } from "../../doctor/condition.ts";
import { gfxIs } from "../../doctor/rules/common.ts";
import { sources } from "../../doctor/rules/sources.ts";
import { RekindleError } from "../../errors.ts";
import type { Remedy, RemedyOption, Situation } from "../remedy.ts";
import type { Plan } from "../step.ts";
import { folderOf, GB, gfxOf, linuxOnly, mustBeNew } from "./common.ts";
import { buildSteps } from "./source/build.ts";
import { caches, compilersFor, engines } from "./source/compilers.ts";
import { jobCount } from "./source/jobs.ts";
import { releaseFor, releases } from "./source/releases.ts";
import { waySources } from "./way-sources.ts";

const diskBytes = 90 * GB;

async function plan(situation: Situation): Promise<Omit<Plan, "remedy" | "options">> {
  const { options } = situation;
  const folder = folderOf(situation, options.folder!);
  const rocm = folderOf(situation, options.rocm!);
  await mustBeNew(situation, folder);
  const release = await releaseOf(situation, rocm);
  const compilers = compilersFor(situation, rocm, `${folder}/build/compilers`);
  const jobs = wholeNumber(options.jobs!) ?? (await jobCount(situation.host, compilers.isSpread));
  const gfx = gfxOf(situation);
  const { steps, python } = await buildSteps(situation, {
    ...{ folder, rocm, release, compilers, jobs, gfx, diskBytes },
  });
  const lacking = await lacksMatrixKernels(situation, rocm, gfx);
  return {
    steps,
    verification: [
      { kind: "inspect", path: `${folder}/environment`, target: gfx },
      { kind: "trial", target: "torch", python, onGpu: true },
      {
        kind: "command",
        does: "convolutions are timed",
        command: { program: { path: python }, args: [{ path: `${folder}/build/benchmark.py` }] },
      },
    ],
    notes: [
      `Compiled with ${jobs} at once, by the memory of this machine; --set jobs=N changes it.`,
      `Sources, objects and compiled files stay in ${folder}/build: remove it when all works.`,
      ...(lacking ? [lacking] : []),
      ...compilers.notes,
    ],
  };
}

/** The release that was asked for, or the one that is reported to build on this ROCm. */
async function releaseOf({ options, host }: Situation, rocm: string) {
  const named = releases.find(({ name }) => name === options.release);
  if (named) return named;
  const version = (await host.readText(`${rocm}/.info/version`))?.trim();
  if (version === undefined) {
    throw new RekindleError("remedy-impossible", `there is no ROCm in ${rocm}`, {
      fix:
        "install ROCm with its development files from AMD's repository (package rocm), without " +
        "its kernel driver, or name its folder: --set rocm=FOLDER",
    });
  }
  const release = releaseFor(version);
  if (release) return release;
  const known = releases.map(({ name, rocm: [newest] }) => `${name} on ROCm ${newest}`).join(", ");
  throw new RekindleError("remedy-impossible", `nobody reports a build on ROCm ${version}`, {
    fix: `reported: ${known}. --set release=NAME tries one all the same`,
  });
}

function wholeNumber(text: string): number | undefined {
  if (text === "") return undefined;
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new RekindleError("usage", `jobs=${text} is no number of jobs`, { fix: "--set jobs=4" });
}

/** What is built here loads the system's rocBLAS, which may lack the card. */
async function lacksMatrixKernels({ host }: Situation, rocm: string, gfx: string) {
  const names = await host.list(`${rocm}/lib/rocblas/library`);
  if (names.length === 0 || names.some((name) => name.includes(gfx))) return undefined;
  return (
    `${rocm}'s rocBLAS has no kernels for ${gfx}, so matrix products will fail: ` +
    "rekindle fix rocblas-library."
  );
}

const option = (name: string, meaning: string, otherwise: string, values?: readonly string[]) => ({
  ...{ name, meaning, otherwise },
  ...(values && { values }),
});

const choices: readonly RemedyOption[] = [
  option("folder", "where it is built and installed", "~/rekindle-torch-built"),
  option("rocm", "the ROCm to build on, with its development files", "/opt/rocm"),
  option("release", "of PyTorch; by the ROCm where it is not named", "", [
    "",
    ...releases.map(({ name }) => name),
  ]),
  option("python", "the Python to build for", "python3"),
  option("jobs", "files that are compiled at once; by the memory where not said", ""),
  option("cache", "which compiler cache", "ccache", caches),
  option("spread", "over which engine compile jobs go to other machines", "none", engines),
  option("hosts", "for distcc: machines and their jobs, as in DISTCC_HOSTS", ""),
  option("vision", "whether torchvision is built as well", "yes", ["yes", "no"]),
  option("source", "where PyTorch's sources come from", "https://github.com/pytorch/pytorch"),
  option("ref", "another tag or branch of it: refs/heads/NAME", ""),
  option("commit", "what that has to be", ""),
  option("index", "the package index of build tools; pip's own where not said", ""),
];

export const pytorchSource: Remedy = {
  id: "pytorch-source",
  title: "PyTorch compiled from source for the card",
  kind: "way",
  standsOn: "rocm",
  gives: "PyTorch with code for the card, compiled on this machine against its ROCm",
  serves: { train: "slowly", infer: "slowly", comfyui: "slowly", llm: "slowly" },
  fp16: "yes",
  certainty: "reported",
  evidence:
    "four people report that they built PyTorch for gfx1010, each on another ROCm from 6.1 to " +
    "7.2, and that convolutions, ComfyUI and 16-bit floats work; on ROCm 5 such a build crashed",
  sources: [
    sources.selfBuilt,
    waySources.sourceRocm72,
    waySources.sourceRocm64,
    waySources.sourceRocm62,
    waySources.composableKernel,
    waySources.composableKernelFix,
    waySources.sourceAlone,
    waySources.conversion,
    sources.attention,
  ],
  requires: [
    linuxOnly,
    {
      when: gfxIs("gfx1010", "gfx1011", "gfx1012"),
      otherwise: "its sources and switches are those for gfx1010, gfx1011 and gfx1012",
    },
    {
      when: some("rocm", ({ kind, version }) =>
        kind === "wheel" ? false : version === undefined ? "unknown" : !!releaseFor(version),
      ),
      otherwise: "no ROCm is installed on which somebody reports a build: 6.1 to 6.4, or 7.2",
    },
  ],
  cost: () => ({
    minutes: [120, 720],
    downloadBytes: 6 * GB,
    diskBytes: 45 * GB,
    diskBytesMax: diskBytes,
    memoryBytes: 8 * GB,
    root: false,
  }),
  changes: ["A new folder with sources, a build and a Python environment; the compiler cache."],
  risks: [
    "A build of this size can fail for reasons of the machine, as too little memory.",
    "Training with BatchNorm fails in MIOpen: torch.backends.cudnn.enabled = False helps.",
    "There is no flash attention and no memory-efficient attention.",
  ],
  options: choices,
  plan,
};
