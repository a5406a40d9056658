import { type Condition, fact, forSome, some } from "../../doctor/condition.ts";
import type { RocmFacts } from "../../doctor/facts.ts";
import { gfxIs } from "../../doctor/rules/common.ts";
import { sources } from "../../doctor/rules/sources.ts";
import { RekindleError } from "../../errors.ts";
import type { Remedy, Situation } from "../remedy.ts";
import type { Need, Plan, Step } from "../step.ts";
import { folderOf, GB, gfxOf, linuxOnly, makeEnvironment, mustBeNew, pythonIn } from "./common.ts";
import { fetchSources, writeGitScript } from "./git.ts";
import { waySources } from "./way-sources.ts";

/** Where matrix kernels lie, below a ROCm. */
const libraryIn = (rocm: string) => `${rocm}/lib/rocblas/library`;
const hours = 3600_000;

async function plan(situation: Situation): Promise<Omit<Plan, "remedy" | "options">> {
  const { facts, at, options, host } = situation;
  const gfx = gfxOf(situation);
  const torch = at.pytorch === undefined ? undefined : facts.torch?.[at.pytorch];
  const to = options.to
    ? folderOf(situation, options.to)
    : torch && `${torch.path}/lib/rocblas/library`;
  if (!to || (await host.list(to)).length === 0) {
    throw new RekindleError("remedy-impossible", "no rocBLAS folder is known that lacks the card", {
      fix: "--set to=FOLDER names one: .../torch/lib/rocblas/library",
    });
  }
  if ((await host.list(to)).some((name) => name.includes(gfx))) {
    throw new RekindleError("remedy-impossible", `${to} has kernels for ${gfx} already`);
  }
  const steps =
    options.from === "build"
      ? await built(situation, gfx, to)
      : await copied(situation, gfx, to, options.from!);
  const python = torch?.environment && pythonIn(torch.environment, host.platform);
  return {
    steps,
    verification: [
      { kind: "inspect", path: to, target: gfx },
      ...(python ? [{ kind: "trial", target: "torch", python, onGpu: true } as const] : []),
    ],
    notes: [
      "It gives matrix products code for the card, and nothing else of PyTorch.",
      ...otherRelease(situation),
    ],
  };
}

/** The kernels' files have no version: that they fit is the user's to know. */
function otherRelease(situation: Situation): string[] {
  const { facts, at, options } = situation;
  const ours = at.pytorch === undefined ? undefined : facts.torch?.[at.pytorch]?.rocmVersion;
  const theirs = options.from ? undefined : donorOf(situation, gfxOf(situation))?.version;
  if (!ours || !theirs || minor(ours) === minor(theirs)) return [];
  return [`PyTorch is of ROCm ${ours}, the kernels are of ${theirs}: they may not fit.`];
}

const minor = (version: string) => version.split(".").slice(0, 2).join(".");

/** Another ROCm of this machine that has kernels for the card. */
function donorOf({ facts }: Situation, gfx: string): RocmFacts | undefined {
  return facts.rocm?.find(({ rocblasTargets }) => rocblasTargets?.includes(gfx));
}

async function copied(
  situation: Situation,
  gfx: string,
  to: string,
  named: string,
): Promise<Step[]> {
  const donor = named ? undefined : donorOf(situation, gfx);
  const from = named ? folderOf(situation, named) : donor && libraryIn(donor.path);
  const names = from ? (await situation.host.list(from)).filter((name) => name.includes(gfx)) : [];
  if (!from || names.length === 0) {
    throw new RekindleError("remedy-impossible", `no rocBLAS here has kernels for ${gfx}`, {
      fix: "--set from=FOLDER names one, --set from=build compiles them (1 to 3 hours)",
    });
  }
  return names.map((name, i) => ({
    kind: "copy",
    id: `copy-${i + 1}`,
    does: `copy ${name} from ${from}`,
    from: `${from}/${name}`,
    to: `${to}/${name}`,
  }));
}

/** rocBLAS at the release of the ROCm here; architectures merged, or the card would get nothing. */
async function built(situation: Situation, gfx: string, to: string): Promise<Step[]> {
  const { host, options } = situation;
  const rocm = folderOf(situation, options.rocm!);
  const text = (await host.readText(`${rocm}/.info/version`))?.trim() ?? "";
  const version = /^\d+\.\d+\.\d+/.exec(text)?.[0];
  if (version === undefined) {
    throw new RekindleError("remedy-impossible", `there is no ROCm in ${rocm}`, {
      fix: "rocBLAS is compiled by ROCm's compilers: install it, or --set rocm=FOLDER",
    });
  }
  const folder = folderOf(situation, options.folder!);
  await mustBeNew(situation, folder);
  const source = {
    id: "rocblas",
    url: options.source!,
    ref: `refs/tags/rocm-${version}`,
    folder: `${folder}/rocBLAS`,
    hasSubmodules: false,
  };
  const environment = `${folder}/environment`;
  const python = pythonIn(environment, host.platform);
  const make = makeEnvironment(situation, environment, "python3", 40 * GB);
  return [
    { ...make, touches: [folder], needs: [...(make.needs ?? []), ...needsOf(rocm)] },
    writeGitScript(`${folder}/run-git.py`),
    ...fetchSources(source, python, `${folder}/run-git.py`),
    {
      kind: "run",
      id: "build-rocblas",
      does: `compile rocBLAS for ${gfx}`,
      command: {
        program: { path: python },
        args: [
          ...["rmake.py", "--architecture", gfx],
          ...["--merge-architectures", "--no-lazy-library-loading"],
        ],
        folder: source.folder,
        env: { ROCM_PATH: rocm, PATH: `${environment}/bin:${rocm}/bin:${host.env.PATH ?? ""}` },
      },
      continues: true,
      network: true,
      progress: "\\[(?<done>\\d+)/(?<total>\\d+)\\]",
      timeoutMs: 24 * hours,
    },
    {
      kind: "copy",
      id: "copy-library",
      does: `put its kernels in the place of ${to}`,
      from: `${source.folder}/build/release/Tensile/library`,
      to,
    },
    {
      kind: "remove",
      id: "drop-build",
      does: "drop the sources and what was compiled on the way",
      path: folder,
      regenerates: true,
    },
  ];
}

const needsOf = (rocm: string): Need[] => [
  { program: "cmake", install: "install the package cmake" },
  {
    check: { exists: `${rocm}/bin/hipcc` },
    otherwise: "install hipcc from AMD's repository, or name another ROCm: --set rocm=FOLDER",
  },
];

const lacksKernels: Condition = (view) => {
  const gfx = view.at.card === undefined ? undefined : view.facts.gpus?.[view.at.card]?.gfx;
  const lacks = fact("pytorch.rocblasTargets", (targets) =>
    gfx === undefined ? "unknown" : !targets.includes(gfx),
  );
  const systemLacks = some("rocm", ({ rocblasTargets }) =>
    gfx === undefined || !rocblasTargets ? "unknown" : !rocblasTargets.includes(gfx),
  );
  const judged = lacks(view);
  return judged.answer === "unknown" ? systemLacks(view) : judged;
};

export const rocblasLibrary: Remedy = {
  id: "rocblas-library",
  title: "Matrix kernels for a rocBLAS that lacks the card",
  kind: "way",
  standsOn: "rocm",
  gives: "a rocBLAS with kernels for the card, for a PyTorch that has all but them",
  serves: { train: "partly", infer: "partly", comfyui: "partly", llm: "partly" },
  fp16: "unknown",
  certainty: "reported",
  evidence:
    "users report that copying the card's files from a ROCm of the same release helps; rocBLAS " +
    "lists gfx1010 and gfx1012 among its targets, and needs its architectures merged for them",
  sources: [
    waySources.copiedLibrary,
    waySources.builtLibrary,
    sources.tensileFallback,
    waySources.rocblasTargets,
  ],
  requires: [
    linuxOnly,
    {
      when: gfxIs("gfx1010", "gfx1011", "gfx1012"),
      otherwise: "it is reported for RDNA1 alone",
    },
    { when: forSome("pytorch", lacksKernels), otherwise: "no rocBLAS here lacks the card" },
  ],
  cost: () => ({
    minutes: [1, 180],
    downloadBytes: 1 * GB,
    diskBytes: 1 * GB,
    diskBytesMax: 40 * GB,
    root: false,
  }),
  changes: ["Files in a rocBLAS folder, which are kept and put back by undo."],
  risks: [
    "Kernels of another release of rocBLAS do not fit: take the same release.",
    "Reinstalling PyTorch removes them.",
  ],
  options: [
    { name: "to", meaning: "the folder that lacks the card", otherwise: "" },
    { name: "from", meaning: 'a folder with kernels for it, or "build"', otherwise: "" },
    { name: "rocm", meaning: "the ROCm whose release is built", otherwise: "/opt/rocm" },
    {
      name: "source",
      meaning: "where rocBLAS's sources come from",
      otherwise: "https://github.com/ROCm/rocBLAS",
    },
    {
      name: "folder",
      meaning: "where it is built, and removed after",
      otherwise: "~/rekindle-rocblas",
    },
  ],
  plan,
};
