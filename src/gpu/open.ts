import { messageOf, RekindleError } from "../errors.ts";
import type { DeviceTraits } from "../kernels/kernel.ts";
import {
  type AdapterInfo,
  type AdapterName,
  adapterNames,
  findAdapter,
  infoOf,
} from "./adapters.ts";
import { coresOf } from "./cores.ts";
import { inNode } from "./environment.ts";
import { Gpu } from "./gpu.ts";
import { type InstanceOptions, instanceOf } from "./instance.ts";

export interface OpenOptions {
  /** Part of an adapter's name, or nothing for the system's first choice. */
  readonly adapter?: string;
  /** Accept a real GPU only, or an emulated one only. */
  readonly kind?: "gpu" | "software";
  /** Compile shaders without a GPU; nothing is ever computed. */
  readonly nullBackend?: boolean;
  /** Dawn's toggles: "+on,-off"; the variable REKINDLE_DAWN_FEATURES where left out. */
  readonly toggles?: string;
}

/**
 * Opens an adapter with all of its limits and the features that kernels use. The first choice is a
 * discrete GPU, then an integrated one, then one that is emulated.
 *
 * Throws "device-missing" with the reason where there is no such adapter.
 *
 * @example const gpu = await openGpu({ kind: "gpu" });
 */
export async function openGpu(options: OpenOptions = {}): Promise<Gpu> {
  const names = options.nullBackend ? [] : await adapterNames();
  const adapter = await request(options, names);
  const info = adapter && infoOf(adapter, names);
  if (!adapter || !info) throw nothingFound(options);
  if (options.kind && info.kind !== options.kind) throw wrongKind(options.kind, info);
  const wanted = ["shader-f16", "subgroups", "subgroup-size-control", "timestamp-query"];
  try {
    const device = await adapter.requestDevice({
      requiredFeatures: wanted.filter((f) => adapter.features.has(f)) as GPUFeatureName[],
      requiredLimits: limitsOf(adapter),
    });
    return new Gpu(device, info, traitsOf(device, adapter, info));
  } catch (error) {
    const what = `${info.name} cannot be opened: ${messageOf(error)}`;
    throw new RekindleError("device-missing", what, { cause: error });
  }
}

/** The adapter that suits the options best, of whatever kind. */
async function request(
  options: OpenOptions,
  names: readonly AdapterName[],
): Promise<GPUAdapter | null> {
  const toggles = options.toggles === undefined ? {} : { toggles: options.toggles };
  const ask = async (choice: InstanceOptions) => {
    const instance = await instanceOf({ ...choice, ...toggles });
    try {
      return await instance.requestAdapter({ powerPreference: "high-performance" });
    } catch (error) {
      throw new RekindleError("device-missing", messageOf(error), { cause: error });
    }
  };
  const named = ({ backend, name }: AdapterName) => ask({ backend, adapter: name });
  if (options.nullBackend) return ask({ backend: "null" });
  if (options.adapter !== undefined && inNode) return named(findAdapter(names, options.adapter));
  const first = await ask({});
  if (options.kind !== "software" || first?.info.isFallbackAdapter) return first;
  // `forceFallbackAdapter` would say this shorter, but Dawn then finds SwiftShader only.
  for (const name of names) {
    const other = await named(name);
    if (other?.info.isFallbackAdapter) return other;
  }
  return first;
}

function nothingFound({ kind }: OpenOptions): RekindleError {
  const what = kind === "software" ? "no software Vulkan driver was found" : "no GPU was found";
  return new RekindleError("device-missing", what, { fix: driverHint });
}

const driverHint =
  "install a Vulkan driver (Debian, Ubuntu: `apt install mesa-vulkan-drivers`) and see that " +
  '`vulkaninfo --summary` lists the device; or use the CPU (device "cpu")';

function wrongKind(kind: "gpu" | "software", info: AdapterInfo): RekindleError {
  const what =
    kind === "gpu"
      ? `no GPU was found: the only adapter, ${info.name}, is a CPU that emulates one`
      : `no software Vulkan driver was found: ${info.name} is a real GPU`;
  return new RekindleError("device-missing", what, { fix: driverHint });
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

function traitsOf(device: GPUDevice, adapter: GPUAdapter, info: AdapterInfo): DeviceTraits {
  const { limits, features } = device;
  return {
    maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
    maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
    maxComputeWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
    maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
    maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
    subgroupMinSize: adapter.info.subgroupMinSize ?? 0,
    subgroupMaxSize: adapter.info.subgroupMaxSize ?? 0,
    cores: coresOf(info.name),
    hasF16: features.has("shader-f16"),
    hasSubgroups: features.has("subgroups"),
    hasSubgroupSizeControl: features.has("subgroup-size-control" as GPUFeatureName),
    architecture: adapter.info.architecture,
    isSoftware: info.kind === "software",
  };
}
