import { gfxIs } from "../../doctor/rules/common.ts";
import type { Remedy, Situation } from "../remedy.ts";
import type { Need, Plan, RunStep, Step } from "../step.ts";
import { folderOf, GB, gfxOf, linuxOnly, mustBeNew } from "./common.ts";
import { fetchSources, writeGitScript } from "./git.ts";
import { shellWord } from "./shell-word.ts";
import { waySources } from "./way-sources.ts";

const diskBytes = 150 * GB;
const hours = 3600_000;

async function plan(situation: Situation): Promise<Omit<Plan, "remedy" | "options">> {
  const { options } = situation;
  const gfx = gfxOf(situation);
  const folder = folderOf(situation, options.folder!);
  await mustBeNew(situation, folder);
  const builder = `${folder}/builder`;
  const python = `${folder}/python`;
  const sources = {
    id: "builder",
    url: options.source!,
    ref: options.ref!,
    ...(options.commit && { commit: options.commit }),
    folder: builder,
    hasSubmodules: false,
  };
  const [first, ...rest] = [
    writeGitScript(`${folder}/run-git.py`),
    ...fetchSources(sources, "python3", `${folder}/run-git.py`),
  ] as [Step, ...Step[]];
  return {
    steps: [
      { ...first, touches: [folder], needs: needsOf(folder) },
      ...rest,
      ...choices(builder, folder, gfx),
      babs(builder, "fetch-projects", "fetch and patch the sources of ROCm's projects", "-i"),
      babs(builder, "build-projects", "build ROCm and PyTorch", "-b"),
      {
        kind: "write",
        id: "write-starter",
        does: "write a program that starts its Python with its libraries",
        path: python,
        content:
          `#!/bin/bash\nsource ${shellWord(`${folder}/rocm/bin/env_rocm.sh`)} >/dev/null\n` +
          'exec python "$@"\n',
        before: null,
        mode: 0o755,
      },
    ],
    verification: [
      { kind: "inspect", path: `${folder}/rocm`, target: gfx },
      { kind: "trial", target: "torch", python, onGpu: true },
    ],
    notes: [
      "Before it begins, run install_deps.sh of the same repository as root: it installs the " +
        "distribution's packages that ROCm's projects are built with.",
      `Sources and objects stay in ${builder}, about 110 GB: remove it when all works.`,
      "The ref is a branch: what it holds may change. --set commit=HASH pins it.",
    ],
  };
}

const tool = (program: string): Need => ({ program, install: `install the package ${program}` });
const needsOf = (folder: string): Need[] => [
  { diskBytes, folder },
  ...["git", "python3", "bash", "cmake", "gfortran", "ninja"].map(tool),
];

/** What the builder would ask for; and a place that needs no rights. */
function choices(builder: string, folder: string, gfx: string): Step[] {
  const place = shellWord(`${folder}/rocm`);
  const files: readonly (readonly [string, string, string])[] = [
    ["build_cfg.user", "the card", `${gfx}\n`],
    ["python_cfg.user", "the Python", "v3.11.9\n"],
    [
      "envsetup_pre.cfg",
      "the place",
      `export INSTALL_DIR_PREFIX_SDK_ROOT=${place}\nexport ROCM_PATH=${place}\n`,
    ],
  ];
  return files.map(([name, what, content], i) => ({
    kind: "write",
    id: `choose-${i + 1}`,
    does: `choose ${what}`,
    path: `${builder}/${name}`,
    content,
    before: null,
  }));
}

function babs(builder: string, id: string, does: string, flag: string): RunStep {
  const [author, address] = ["rekindle", "rekindle@localhost"];
  return {
    kind: "run",
    id,
    does,
    command: {
      program: "bash",
      args: ["./babs.sh", flag],
      folder: builder,
      // It applies patches with `git am`, which wants a name.
      env: {
        GIT_AUTHOR_NAME: author,
        GIT_AUTHOR_EMAIL: address,
        GIT_COMMITTER_NAME: author,
        GIT_COMMITTER_EMAIL: address,
        GIT_TERMINAL_PROMPT: "0",
        HSA_OVERRIDE_GFX_VERSION: null,
      },
    },
    continues: true,
    ...(flag === "-i" && { network: true as const }),
    progress: "\\[(?<done>\\d+)/(?<total>\\d+)\\]",
    timeoutMs: 72 * hours,
  };
}

export const rocmSdkBuilder: Remedy = {
  id: "rocm-sdk-builder",
  title: "ROCm and PyTorch rebuilt with MIOpen patched for the card",
  kind: "way",
  standsOn: "rocm",
  gives: "ROCm 6.1.2 and PyTorch 2.4 in a folder of their own, with MIOpen patched for gfx101x",
  serves: { train: "slowly", infer: "slowly", comfyui: "slowly", llm: "slowly" },
  fp16: "yes",
  certainty: "reported",
  evidence:
    "its author and users report PyTorch's benchmarks on RX 5700 cards, training with BatchNorm " +
    "included; it is the one set of MIOpen patches for these cards that is published",
  sources: [
    waySources.sdkBuilder,
    waySources.sdkBuilderCost,
    waySources.sdkBuilderSlow,
    waySources.sdkBuilderSpeed,
  ],
  requires: [
    linuxOnly,
    {
      when: gfxIs("gfx1010", "gfx1011", "gfx1012"),
      otherwise: "its patches for MIOpen are those for gfx101x",
    },
  ],
  cost: () => ({
    minutes: [300, 960],
    downloadBytes: 30 * GB,
    diskBytes: 130 * GB,
    diskBytesMax: diskBytes,
    memoryBytes: 16 * GB,
    // For the packages that have to be there before.
    root: true,
  }),
  changes: [
    "A new folder with sources, builds, ROCm and PyTorch; nothing of the system's ROCm.",
    "Packages of the distribution, which you install before, as root: install_deps.sh.",
  ],
  risks: [
    "It builds about 70 projects, each of which can fail on a newer distribution.",
    "The versions are those of 2024.",
    "16-bit floats compute right and more slowly than 32-bit ones.",
  ],
  options: [
    { name: "folder", meaning: "where all of it goes", otherwise: "~/rekindle-rocm" },
    {
      name: "source",
      meaning: "its repository",
      otherwise: "https://github.com/lamikr/rocm_sdk_builder",
    },
    {
      name: "ref",
      meaning: "the branch or tag",
      otherwise: "refs/heads/releases/rocm_sdk_builder_612",
    },
    { name: "commit", meaning: "what that has to be", otherwise: "" },
  ],
  plan,
};
