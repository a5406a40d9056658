import { describe, expect, test } from "vitest";
import { listAdapters } from "./adapters.ts";
import { openGpu } from "./open.ts";

describe("listAdapters", () => {
  test("lists the software adapter with its limits and features", async () => {
    const software = (await listAdapters()).find((a) => a.kind === "software")!;
    expect(software.name).toMatch(/llvmpipe|SwiftShader/);
    expect(software.backend).toBe("vulkan");
    expect(software.limits.maxStorageBufferBindingSize).toBeGreaterThanOrEqual(128 * 2 ** 20);
    expect(software.limits.maxComputeInvocationsPerWorkgroup).toBeGreaterThanOrEqual(256);
    expect(software.features).toContain("core-features-and-limits");
  });
});

describe("openGpu", () => {
  test("opens the software adapter by kind, and by part of its name", async () => {
    const gpu = await openGpu({ kind: "software" });
    expect(gpu.traits.isSoftware).toBe(true);
    const again = await openGpu({ adapter: gpu.info.name.slice(1, 8).toUpperCase() });
    expect(again.info).toEqual(gpu.info);
    gpu.destroy();
    again.destroy();
  });

  test("an unknown name is an error that lists what there is", async () => {
    const [adapter] = await listAdapters();
    await expect(openGpu({ adapter: "Voodoo 2" })).rejects.toMatchObject({
      code: "device-missing",
      message: expect.stringContaining("Voodoo 2"),
      fix: expect.stringContaining(adapter!.name),
    });
  });

  test("a real GPU is asked for in vain where only an emulated one is", async () => {
    const adapters = await listAdapters();
    if (adapters.some((a) => a.kind === "gpu")) {
      const gpu = await openGpu({ kind: "gpu" });
      expect(gpu.traits.isSoftware).toBe(false);
      gpu.destroy();
      return;
    }
    await expect(openGpu({ kind: "gpu" })).rejects.toMatchObject({
      code: "device-missing",
      message: expect.stringMatching(/no GPU was found: .*emulates/),
    });
  });

  test("the null backend compiles", async () => {
    const gpu = await openGpu({ nullBackend: true });
    const wgsl = "@compute @workgroup_size(1) fn main() {}";
    const [a, b] = [gpu.pipeline(wgsl, "a"), gpu.pipeline(wgsl, "b")];
    expect(await a).toBe(await b);
    expect(await gpu.pipelineNow(wgsl, "c")).toBe(await a);
    expect(await gpu.pipelineNow(`${wgsl}\n`, "d")).not.toBe(await a);
    await expect(gpu.pipelineNow("broken as well", "at once")).rejects.toMatchObject({
      code: "shader",
      message: expect.stringMatching(/"at once" does not compile: 1:1 /),
    });
    await expect(gpu.pipeline("nonsense", "broken")).rejects.toMatchObject({
      code: "shader",
      message: expect.stringContaining("broken"),
    });
    gpu.destroy();
    expect(() => gpu.assertUsable()).toThrow(expect.objectContaining({ code: "disposed" }));
  });
});
