import type { Source } from "../doctor/index.ts";
import { sources } from "../doctor/rules/sources.ts";
import type { Experiment, Switch } from "./experiment.ts";
import type { Machine } from "./machine.ts";

/** A switch that may help, the smallest change first. */
export interface KnownSwitch extends Switch {
  /** The one line to add to a script, or the command line to start it with. */
  readonly line: string;
  /** What it costs. */
  readonly cost: string;
  /** Whether it can matter to an experiment, and is harmless here. */
  suits(experiment: Experiment, machine: Machine): boolean;
  readonly sources: readonly Source[];
}

const backends: Source = {
  title: "PyTorch, torch.backends.cudnn",
  at: "pytorch/pytorch: docs/source/backends.md",
  date: "2026-11",
};

const taskOf = (experiment: Experiment) => experiment.case?.task;
/** What PyTorch computes with MIOpen. */
const usesMiopen = (experiment: Experiment) =>
  ["conv", "batch-norm", "network"].includes(taskOf(experiment) ?? "");
const convolves = (experiment: Experiment) =>
  ["conv", "network"].includes(taskOf(experiment) ?? "");

/** A line of Python that has to stand before torch is imported. */
const environmentLine = (name: string, value: string) =>
  `import os; os.environ["${name}"] = "${value}"  # before: import torch`;

function solver(id: string, name: string, what: string): KnownSwitch {
  const variable = `MIOPEN_DEBUG_${name}`;
  return {
    id,
    what: `MIOpen without ${what}`,
    env: { [variable]: "0" },
    line: environmentLine(variable, "0"),
    cost: "other solvers take over; too many left out, and none is found",
    suits: (experiment, { isRocm }) => isRocm && convolves(experiment),
    sources: [sources.miopenSwitches],
  };
}

/** The override that the sources call harmless: code for gfx1010 on its two siblings. */
const harmlessOverride = "10.1.0";

export const switches: readonly KnownSwitch[] = [
  {
    id: "no-override",
    what: "without HSA_OVERRIDE_GFX_VERSION",
    env: { HSA_OVERRIDE_GFX_VERSION: undefined },
    line: "unset HSA_OVERRIDE_GFX_VERSION",
    cost: "none: the card runs code for itself, or says that there is none",
    suits: (_, { override }) => override !== undefined && override !== harmlessOverride,
    sources: [sources.overrideForDebugging],
  },
  {
    id: "override-10.1.0",
    what: "HSA_OVERRIDE_GFX_VERSION=10.1.0: code for gfx1010",
    env: { HSA_OVERRIDE_GFX_VERSION: harmlessOverride },
    line: "export HSA_OVERRIDE_GFX_VERSION=10.1.0",
    cost: "none that is known: gfx1011 and gfx1012 can do all that gfx1010 can",
    // Their instructions include those of gfx1010; on other cards it would be foreign code.
    suits: (_, { isRocm, gfx, override }) =>
      isRocm && (gfx === "gfx1011" || gfx === "gfx1012") && override !== harmlessOverride,
    sources: [sources.superset],
  },
  {
    id: "no-suggest-nhwc",
    what: "convolutions in channels first memory format",
    env: { PYTORCH_MIOPEN_SUGGEST_NHWC: "0" },
    line: environmentLine("PYTORCH_MIOPEN_SUGGEST_NHWC", "0"),
    cost: "none where tensors are not channels_last",
    suits: (experiment, { isRocm }) => isRocm && usesMiopen(experiment),
    sources: [
      {
        title: "ComfyUI, comfy/model_management.py",
        at: "Comfy-Org/ComfyUI",
        date: "2026-11",
      },
    ],
  },
  {
    id: "find-mode-fast",
    what: "MIOpen's find mode FAST",
    env: { MIOPEN_FIND_MODE: "FAST" },
    line: environmentLine("MIOPEN_FIND_MODE", "FAST"),
    cost: "convolutions may be slower: the solver is not searched for",
    suits: (experiment, { isRocm }) => isRocm && convolves(experiment),
    sources: [sources.miopenSwitches],
  },
  solver("no-winograd", "CONV_WINOGRAD", "Winograd"),
  solver("no-implicit-gemm", "CONV_IMPLICIT_GEMM", "implicit GEMM"),
  solver("no-direct", "CONV_DIRECT", "direct convolution"),
  solver("no-fft", "CONV_FFT", "FFT"),
  solver("no-gemm", "CONV_GEMM", "GEMM"),
  solver("no-assembly", "GCN_ASM_KERNELS", "kernels in assembly"),
  {
    id: "deterministic",
    what: "deterministic algorithms",
    python: "torch.backends.cudnn.deterministic = True",
    line: "torch.backends.cudnn.deterministic = True",
    cost: "convolutions may be slower",
    suits: (experiment) => convolves(experiment),
    sources: [backends],
  },
  {
    id: "cudnn-off",
    what: "PyTorch's own convolution and BatchNorm in place of MIOpen's (cuDNN's)",
    python: "torch.backends.cudnn.enabled = False",
    line: "torch.backends.cudnn.enabled = False",
    cost: "convolution by im2col and GEMM: slower, and more memory",
    suits: usesMiopen,
    sources: [backends],
  },
  {
    id: "no-buffer-ops",
    what: "Triton without buffer operations",
    // What was compiled with them would be taken from the caches.
    env: {
      AMDGCN_USE_BUFFER_OPS: "0",
      TRITON_ALWAYS_COMPILE: "1",
      TORCHINDUCTOR_FORCE_DISABLE_CACHES: "1",
    },
    line: environmentLine("AMDGCN_USE_BUFFER_OPS", "0"),
    cost: "none that is known; clear Triton's cache first",
    suits: (experiment, { isRocm }) => isRocm && taskOf(experiment) === "compile",
    sources: [sources.triton],
  },
];
