import { expect, test } from "vitest";
import type { Config, DeviceTraits, Kernel, Problem } from "../kernels/kernel.ts";
import { chooseKernel } from "./choose-kernel.ts";

const problem = { op: "Conv" } as unknown as Problem;
const device = { maxComputeWorkgroupStorageSize: 100 } as DeviceTraits;

function kernel(name: string, supports: true | string, configs: readonly Config[]): Kernel {
  return {
    name,
    supports: () => supports,
    configs: () => configs,
    fits: ({ bytes }, _, { maxComputeWorkgroupStorageSize: most }) =>
      (bytes as number) <= most || `needs ${bytes} bytes, the device has ${most}`,
    build: () => ({ dispatches: [] }),
  };
}

test("the first kernel that supports the problem, in its first configuration that fits", () => {
  const choice = chooseKernel(
    [
      kernel("depthwise", "not depthwise", [{ bytes: 1 }]),
      kernel("gemm", true, [{ bytes: 200 }, { bytes: 100 }, { bytes: 50 }]),
      kernel("direct", true, [{ bytes: 0 }]),
    ],
    problem,
    device,
  );
  expect(choice).toMatchObject({ kernel: { name: "gemm" }, config: { bytes: 100 } });
});

test("a kernel that fits in no configuration makes way for the next", () => {
  const kernels = [kernel("gemm", true, [{ bytes: 101 }]), kernel("direct", true, [{ bytes: 0 }])];
  expect(chooseKernel(kernels, problem, device)).toMatchObject({ kernel: { name: "direct" } });
});

test("without any, each kernel says why", () => {
  const kernels = [
    kernel("depthwise", "not depthwise", []),
    kernel("gemm", true, [{ bytes: 101 }]),
  ];
  expect(chooseKernel(kernels, problem, device)).toEqual({
    reasons: ["depthwise: not depthwise", "gemm: needs 101 bytes, the device has 100"],
  });
});
