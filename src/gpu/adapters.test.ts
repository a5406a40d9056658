import { describe, expect, test } from "vitest";
import { findAdapter, parseAdapterNames } from "./adapters.ts";
import { flagsOf } from "./instance.ts";

const message = `no suitable backends found
Available adapters:
 * backend: 'vulkan', name: 'AMD Radeon RX 5600 XT (RADV NAVI10)'
 * backend: 'vulkan', name: 'AMD Radeon RX 5600 XT (RADV NAVI10)'
 * backend: 'vulkan', name: 'Bob's GPU'
 * backend: 'vulkan', name: 'llvmpipe (LLVM 15.0.6, 256 bits)'`;

describe("parseAdapterNames", () => {
  test("reads Dawn's list, twins once", () => {
    expect(parseAdapterNames(message)).toEqual([
      { backend: "vulkan", name: "AMD Radeon RX 5600 XT (RADV NAVI10)" },
      { backend: "vulkan", name: "Bob's GPU" },
      { backend: "vulkan", name: "llvmpipe (LLVM 15.0.6, 256 bits)" },
    ]);
  });

  test("finds nothing in another message", () => {
    expect(parseAdapterNames("no suitable backends found\nAvailable adapters:")).toEqual([]);
    expect(parseAdapterNames("segmentation fault")).toEqual([]);
  });
});

describe("findAdapter", () => {
  const names = parseAdapterNames(message);

  test("matches part of a name, whatever the case", () => {
    expect(findAdapter(names, "rx 5600").name).toContain("NAVI10");
    expect(findAdapter(names, "LLVM").name).toContain("llvmpipe");
  });

  test("lists what there is when nothing matches", () => {
    expect(() => findAdapter(names, "arc")).toThrow(
      expect.objectContaining({
        code: "device-missing",
        message: `no adapter's name contains "arc"`,
        fix: expect.stringContaining(`"Bob's GPU"`),
      }),
    );
  });
});

test("toggles become Dawn's flags", () => {
  expect(flagsOf({ toggles: "+vulkan_enable_f16_on_nvidia, -timestamp_quantization,+x" })).toEqual([
    "enable-dawn-features=vulkan_enable_f16_on_nvidia,x",
    "disable-dawn-features=timestamp_quantization",
  ]);
  expect(flagsOf({ backend: "vulkan", adapter: "A, B", toggles: "" })).toEqual([
    "backend=vulkan",
    "adapter=A, B",
  ]);
});
