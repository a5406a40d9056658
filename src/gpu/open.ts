import { messageOf, RekindleError } from "../errors.ts";
import type { DeviceTraits } from "../kernels/kernel.ts";
import { type AdapterInfo, Gpu } from "./gpu.ts";

export interface OpenOptions {
  /** Part of an adapter's name, or nothing for the system's first choice. */
  readonly adapter?: string;
  /** Compile shaders without a GPU; nothing is ever computed. */
  readonly nullBackend?: boolean;
}

/** Dawn's GPU objects must stay referenced while the process lives, or it crashes at collection. */
const instances = new Map<string, GPU>();

/** Opens an adapter with all of its limits and the features that kernels use. */
export async function openGpu(options: OpenOptions = {}): Promise<Gpu> {
  const gpu = await instance(options);
  let adapter: GPUAdapter | null;
  try {
    adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  } catch (error) {
    throw new RekindleError("device-missing", messageOf(error), { cause: error });
  }
  if (!adapter) throw new RekindleError("device-missing", "no WebGPU adapter was found");
  const wanted = ["shader-f16", "subgroups", "subgroup-size-control", "timestamp-query"];
  const device = await adapter.requestDevice({
    requiredFeatures: wanted.filter((f) => adapter.features.has(f)) as GPUFeatureName[],
    requiredLimits: limitsOf(adapter),
  });
  return new Gpu(device, infoOf(adapter), traitsOf(device, adapter));
}

async function instance(options: OpenOptions): Promise<GPU> {
  const flags: string[] = [];
  if (options.nullBackend) flags.push("backend=null");
  if (options.adapter) flags.push(`adapter=${options.adapter}`);
  const key = flags.join(" ");
  const known = instances.get(key);
  if (known) return known;
  const { create, globals } = await import("webgpu");
  Object.assign(globalThis, globals);
  const made = create(flags);
  instances.set(key, made);
  return made;
}

const limitNames = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
] as const;

function limitsOf(adapter: GPUAdapter): Record<string, number> {
  return Object.fromEntries(limitNames.map((name) => [name, adapter.limits[name]]));
}

function infoOf({ info }: GPUAdapter): AdapterInfo {
  const { vendor, architecture, device, description } = info;
  const kind = device === "null-backend" ? "null" : info.isFallbackAdapter ? "software" : "gpu";
  return { vendor, architecture, device, description, kind };
}

function traitsOf(device: GPUDevice, adapter: GPUAdapter): DeviceTraits {
  const { limits, features } = device;
  return {
    maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
    maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
    maxComputeWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
    maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
    maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
    subgroupMinSize: adapter.info.subgroupMinSize,
    subgroupMaxSize: adapter.info.subgroupMaxSize,
    hasF16: features.has("shader-f16"),
    hasSubgroups: features.has("subgroups"),
    isSoftware: infoOf(adapter).kind === "software",
  };
}
