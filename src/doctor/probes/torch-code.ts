import { messageOf } from "../../errors.ts";
import type { Host } from "../../host/index.ts";
import { type InspectSummary, inspect, summarize, wouldLoad } from "../../inspect/index.ts";
import type { TorchFacts, Unknown } from "../facts.ts";
import type { Probe } from "./probe.ts";

type Code = Pick<TorchFacts, "targets" | "kpackTargets" | "loads">;

/** All installations together; libraries of a gigabyte take seconds on slow disks. */
const budgetMs = 20_000;

/** Which targets each PyTorch for ROCm holds code for, by the bytes of its library. */
export const torchCodeProbe: Probe = {
  name: "torch-code",
  what: "PyTorch's GPU code",
  timeoutMs: budgetMs + 2000,
  async learn(host, { torch = [], gpus = [] }) {
    const targets = [
      ...new Set(gpus.flatMap(({ vendorId, gfx }) => (vendorId === "1002" && gfx ? [gfx] : []))),
    ];
    const deadline = performance.now() + budgetMs;
    const found: TorchFacts[] = [];
    const unknown: Unknown[] = [];
    // One after the other: they would only fight for the disk.
    for (const one of torch) {
      const library = isForRocm(one) ? await libraryOf(host, one.path) : undefined;
      try {
        const code = library ? await codeOf(host, library, targets, deadline) : {};
        found.push({ ...one, ...code });
      } catch (error) {
        found.push(one);
        const command = `rekindle inspect ${one.path}/lib --for ${targets[0] ?? "gfx1010"}`;
        unknown.push({ probe: "torch-code", reason: messageOf(error), command });
      }
    }
    return { ...(torch.length > 0 && { torch: found }), ...(unknown.length > 0 && { unknown }) };
  },
};

function isForRocm({ build }: TorchFacts): boolean {
  return build !== "cpu" && build !== "cuda" && build !== "xpu";
}

/** The library with PyTorch's kernels; its kpack archives are found from it. */
async function libraryOf(host: Host, torch: string): Promise<string | undefined> {
  for (const name of ["libtorch_hip.so", "torch_hip.dll"]) {
    const path = `${torch}/lib/${name}`;
    if (await host.exists(path)) return path;
  }
  return undefined;
}

async function codeOf(
  host: Host,
  library: string,
  targets: readonly string[],
  deadline: number,
): Promise<Code> {
  return await host.learn(`inspect ${library} for ${targets.join(",")}`, async () => {
    const isLate = () => performance.now() > deadline;
    const late = new Error(`reading ${library} took over ${budgetMs / 1000} s`);
    // Throwing here ends a long reading, which then reports itself as damaged.
    const onProgress = () => {
      if (isLate()) throw late;
    };
    const reports = [];
    for await (const report of inspect(library, { onProgress })) reports.push(report);
    if (isLate()) throw late;
    return codeIn(summarize(reports), targets);
  });
}

/** Facts from an inspection, for the targets of this machine's GPUs. */
export function codeIn(summary: InspectSummary, targets: readonly string[]): Code {
  const placed = (isHere: (places: InspectSummary["targets"][number]["places"]) => boolean) => {
    const names = summary.targets
      .filter((t) => isHere(t.places))
      .map((t) => t.target.split(":")[0]!);
    return [...new Set(names)];
  };
  const loads = targets.map((target) => {
    const { answer, why } = wouldLoad(summary, target);
    return { target, answer: answers[answer], why };
  });
  // What could not be read whole may hold more: lists would claim that there is no more.
  if (summary.problems.length > 0) return { loads };
  return {
    targets: placed((places) => places.some((place) => place !== "kpack")),
    kpackTargets: placed((places) => places.includes("kpack")),
    loads,
  };
}

/** AMD's runtime takes exact targets alone, so code that loads on conditions does not load. */
const answers = {
  yes: "yes",
  no: "no",
  conditional: "no",
  partly: "unknown",
  unknown: "unknown",
} as const;
