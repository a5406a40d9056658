import { messageOf, RekindleError } from "../errors.ts";
import { environment, inNode } from "./environment.ts";

/** What tells one WebGPU instance from another. In browsers there is one, without options. */
export interface InstanceOptions {
  /** Dawn's name of a backend: "vulkan", "d3d12", "null". */
  readonly backend?: string;
  /** The exact name of an adapter, as `adapterNames` gives it. */
  readonly adapter?: string;
  /** Dawn's toggles, on and off: "+vulkan_enable_f16_on_nvidia,-timestamp_quantization". */
  readonly toggles?: string;
}

/**
 * Everything that Dawn's `create` returned. The objects must stay referenced while the process
 * lives: it crashes when one is collected and its GPU is still in use.
 */
const instances = new Map<string, GPU>();

/** The WebGPU entry point: Dawn in Node, `navigator.gpu` in browsers. */
export async function instanceOf(options: InstanceOptions = {}): Promise<GPU> {
  if (!inNode) return browserInstance();
  const flags = flagsOf(options);
  const key = flags.join(" ");
  const known = instances.get(key);
  if (known) return known;
  const { create, globals } = await loadDawn();
  Object.assign(globalThis, globals);
  const made = create(flags);
  instances.set(key, made);
  return made;
}

function browserInstance(): GPU {
  if (typeof navigator !== "undefined" && navigator.gpu) return navigator.gpu;
  throw new RekindleError("device-missing", "this browser has no WebGPU", {
    fix: "use a recent Chrome, Edge, Firefox or Safari, on a page served over https",
  });
}

async function loadDawn(): Promise<typeof import("webgpu")> {
  // The name is in a variable so that bundlers for browsers leave the package out.
  const name = "webgpu";
  try {
    return (await import(/* @vite-ignore */ name)) as typeof import("webgpu");
  } catch (error) {
    throw new RekindleError(
      "device-missing",
      `the package "webgpu" cannot be loaded on this platform: ${messageOf(error)}`,
      { fix: 'run `npm install webgpu`, or use the CPU (device "cpu")', cause: error },
    );
  }
}

/** The options as flags of Dawn's `create`. */
export function flagsOf(options: InstanceOptions): string[] {
  const flags: string[] = [];
  if (options.backend) flags.push(`backend=${options.backend}`);
  if (options.adapter) flags.push(`adapter=${options.adapter}`);
  const toggles = (options.toggles ?? environment("REKINDLE_DAWN_FEATURES") ?? "").split(",");
  const named = (sign: string) => {
    const chosen = toggles.map((t) => t.trim()).filter((t) => t.startsWith(sign));
    return chosen.map((t) => t.slice(1)).join(",");
  };
  if (named("+")) flags.push(`enable-dawn-features=${named("+")}`);
  if (named("-")) flags.push(`disable-dawn-features=${named("-")}`);
  return flags;
}
