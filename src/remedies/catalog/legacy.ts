import { gfxIs } from "../../doctor/rules/common.ts";
import { sources } from "../../doctor/rules/sources.ts";
import { RekindleError } from "../../errors.ts";
import type { Remedy, Situation } from "../remedy.ts";
import type { Plan } from "../step.ts";
import {
  folderOf,
  GB,
  installPackages,
  linuxOnly,
  makeEnvironment,
  mustBeNew,
  pythonIn,
} from "./common.ts";
import { waySources } from "./way-sources.ts";

/*
 * Releases from before ROCm left these cards behind. Done when asked for by name alone: what they
 * lack grows with every year.
 */

/** Python reads it before any program: ROCm's runtime looks for the variable when torch loads. */
const siteCustomize = `"""RDNA1 runs as gfx1030 with ROCm 5.2: in this environment alone."""

import os

os.environ["HSA_OVERRIDE_GFX_VERSION"] = "10.3.0"
`;

async function plan52(situation: Situation): Promise<Omit<Plan, "remedy" | "options">> {
  const { options, host } = situation;
  const folder = folderOf(situation, options.folder!);
  await mustBeNew(situation, folder);
  const version = await pythonVersion(situation);
  const make = makeEnvironment(situation, folder, options.python!, 12 * GB);
  const packages = ["torch==1.13.1+rocm5.2", "torchvision==0.14.1+rocm5.2", "numpy<2"];
  return {
    steps: [
      make,
      {
        kind: "write",
        id: "write-override",
        does: "let this environment alone, and no other, run as gfx1030",
        path: `${folder}/lib/python${version}/site-packages/sitecustomize.py`,
        content: siteCustomize,
        before: null,
      },
      ...installPackages(situation, folder, packages, options.index!),
    ],
    verification: [
      {
        kind: "trial",
        target: "torch",
        python: pythonIn(folder, host.platform),
        onGpu: true,
      },
    ],
    notes: ["Start Python as --precision full --no-half: 16-bit floats fail on it."],
  };
}

/** Its wheels exist for Python 3.7 to 3.10. */
async function pythonVersion({ options, host }: Situation): Promise<string> {
  const asked = await host.run(options.python!, [
    "-c",
    "import sys; print('%d.%d' % sys.version_info[:2])",
  ]);
  const version = asked.out.trim();
  if (/^3\.(?:7|8|9|10)$/.test(version)) return version;
  const is = version === "" ? "does not run" : `is Python ${version}`;
  throw new RekindleError("remedy-impossible", `${options.python} ${is}`, {
    fix:
      "PyTorch 1.13.1 has wheels for Python 3.7 to 3.10: --set python=python3.10, or the " +
      "container: rekindle fix container --set stack=rocm52",
  });
}

export const legacyRocm52: Remedy = {
  id: "legacy-rocm52",
  title: "PyTorch 1.13.1 for ROCm 5.2, the last that runs as gfx1030",
  kind: "expert",
  standsOn: "rocm",
  gives: "PyTorch of 2022 on the card, 32-bit floats alone, in an environment of its own",
  serves: { train: "partly", infer: "partly" },
  fp16: "no",
  certainty: "reported",
  evidence:
    "the owner of an RX 5700 XT reports it to work with the override 10.3.0 in 32-bit floats, " +
    "and nothing newer that PyTorch published",
  sources: [sources.legacyTorch, sources.oldRocm, sources.overrideForDebugging],
  requires: [
    linuxOnly,
    {
      when: gfxIs("gfx1010", "gfx1011", "gfx1012"),
      otherwise: "it is reported for RDNA1 alone",
    },
  ],
  cost: () => ({
    minutes: [5, 40],
    downloadBytes: 2 * GB,
    diskBytes: 10 * GB,
    diskBytesMax: 12 * GB,
    root: false,
  }),
  changes: ["A new folder with a Python environment that sets the override for itself."],
  risks: [
    "The card runs code for another: crashes, hangs and wrong results are to be expected.",
    "Nothing that needs PyTorch 2 runs: no torch.compile, no current ComfyUI.",
    "There are no security fixes any more.",
  ],
  options: [
    {
      name: "folder",
      meaning: "where the environment is made",
      otherwise: "~/rekindle-torch-rocm52",
    },
    { name: "python", meaning: "a Python from 3.7 to 3.10", otherwise: "python3.10" },
    {
      name: "index",
      meaning: "the package index",
      otherwise: "https://download.pytorch.org/whl/rocm5.2",
    },
  ],
  plan: plan52,
};

export const legacyRocm54: Remedy = {
  id: "legacy-rocm54",
  title: "ROCm 5.4 with libraries rebuilt for the card",
  kind: "expert",
  standsOn: "rocm",
  gives: "ROCm 5.4 whose libraries have code for the card",
  serves: { train: "partly", infer: "partly" },
  fp16: "unknown",
  certainty: "reported",
  evidence:
    "one user reports that MIOpen's own check passes on a gfx1012 card after rebuilding; nobody " +
    "reports PyTorch on it",
  sources: [waySources.rebuilt54, waySources.rebuildScripts, sources.oldRocm],
  requires: [
    linuxOnly,
    {
      when: gfxIs("gfx1010", "gfx1012"),
      otherwise: "its scripts are those for gfx1010 and gfx1012",
    },
  ],
  cost: () => ({
    minutes: [300, 900],
    downloadBytes: 10 * GB,
    diskBytes: 60 * GB,
    memoryBytes: 32 * GB,
    root: true,
  }),
  changes: ["Packages of ROCm that were built by hand, inside a container."],
  risks: [
    "PyTorch's own wheels for ROCm 5.4 have no code for the card: PyTorch has to be built too.",
    "PyTorch built on ROCm 5 is reported to crash all the same.",
  ],
  byHand: [
    "Take a container with ROCm 5.4.3 and its compilers: docker.io/rocm/dev-ubuntu-22.04:5.4.3",
    "Fetch https://github.com/xuhuisheng/rocm-build and set AMDGPU_TARGETS in env.sh to the card",
    "Build rocBLAS and rocSPARSE with the scripts in navi10/, rocFFT, rocRAND, rccl and MIOpen " +
      "with those of the top folder; they install packages, which is why a container is used",
    "Then build PyTorch in the same container: rekindle fix pytorch-source --set release=2.4 " +
      "names its switches",
  ],
};
