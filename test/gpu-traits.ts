import type { DeviceTraits } from "../src/kernels/kernel.ts";

/** WebGPU's default limits, as a GPU. */
export const gpuTraits: DeviceTraits = {
  maxComputeWorkgroupStorageSize: 16_384,
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupsPerDimension: 65_535,
  maxStorageBuffersPerShaderStage: 8,
  maxStorageBufferBindingSize: 128 * 2 ** 20,
  subgroupMinSize: 32,
  subgroupMaxSize: 64,
  cores: 48,
  hasF16: true,
  hasSubgroups: true,
  hasSubgroupSizeControl: false,
  architecture: "",
  isSoftware: false,
};
