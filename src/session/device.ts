import { cpuName, cpuProblem } from "../cpu/index.ts";
import { messageOf, RekindleError } from "../errors.ts";
import { environment, type Gpu, type OpenOptions, openGpu } from "../gpu/index.ts";
import type { DeviceSummary } from "./types.ts";

/** The device of a session; without `gpu` it is the CPU. */
export interface OpenDevice {
  readonly summary: DeviceSummary;
  readonly gpu?: Gpu;
}

/** How devices are opened: the real ones, or a test's. */
export interface Openers {
  readonly openGpu: (options: OpenOptions) => Promise<Gpu>;
  /** Why the CPU cannot be used; undefined where it can. */
  readonly cpuProblem: () => Promise<string | undefined>;
}

/**
 * Opens the device that a user asks for: "auto" (a real GPU, else the CPU, else an emulated GPU),
 * "gpu", "software", "cpu", or part of an adapter's name. Left out: the variable REKINDLE_DEVICE,
 * or "auto".
 *
 * Throws "device-missing" with the reason where there is no such device.
 *
 * @example const { summary } = await openDevice("auto");
 */
export async function openDevice(
  wanted = environment("REKINDLE_DEVICE") || "auto",
  openers: Openers = { openGpu, cpuProblem },
): Promise<OpenDevice> {
  switch (wanted.toLowerCase()) {
    case "auto":
      return openBest(openers);
    case "gpu":
      return onGpu(await openers.openGpu({ kind: "gpu" }), "a GPU was asked for");
    case "software":
      return onGpu(
        await openers.openGpu({ kind: "software" }),
        "a CPU that emulates a GPU was asked for",
      );
    case "cpu": {
      const problem = await openers.cpuProblem();
      if (problem === undefined) return onCpu("the CPU was asked for");
      throw new RekindleError("device-missing", `the CPU cannot be used: ${problem}`, {
        fix: "run `npm install onnxruntime-node`",
      });
    }
    default:
      return onGpu(
        await openers.openGpu({ adapter: wanted }),
        `its name contains "${wanted}", which was asked for`,
      );
  }
}

async function openBest({ openGpu, cpuProblem }: Openers): Promise<OpenDevice> {
  let noGpu: unknown;
  try {
    return onGpu(await openGpu({ kind: "gpu" }), "the first choice among this machine's GPUs");
  } catch (error) {
    noGpu = error;
  }
  const why = messageOf(noGpu);
  const noCpu = await cpuProblem();
  if (noCpu === undefined) return onCpu(why);
  try {
    return onGpu(await openGpu({ kind: "software" }), `${why}; ${noCpu}`);
  } catch (error) {
    const driver = (noGpu instanceof RekindleError && noGpu.fix) || "install a Vulkan driver";
    throw new RekindleError("device-missing", `${why}; ${noCpu}; ${messageOf(error)}`, {
      fix: `${driver}; or run \`npm install onnxruntime-node\``,
      cause: noGpu,
    });
  }
}

function onGpu(gpu: Gpu, reason: string): OpenDevice {
  const { name, kind } = gpu.info;
  const summary = { kind: kind === "gpu" ? kind : "software", name, reason } as const;
  return { gpu, summary: { ...summary, backend: "webgpu" } };
}

function onCpu(reason: string): OpenDevice {
  return { summary: { kind: "cpu", name: cpuName, backend: "onnxruntime", reason } };
}
