import { describe, expect, test } from "vitest";
import { RekindleError } from "../errors.ts";
import type { Gpu, OpenOptions } from "../gpu/index.ts";
import { type Openers, openDevice } from "./device.ts";

/** A machine as `openDevice` sees it: the adapters that open, and whether the CPU can be used. */
function machine(has: { gpu?: string; software?: string; cpu?: boolean }): Openers {
  return {
    async openGpu({ kind, adapter }: OpenOptions) {
      const all = [
        { kind: "gpu", name: has.gpu },
        { kind: "software", name: has.software },
      ];
      const found = all.find(
        (a) =>
          a.name !== undefined &&
          (kind === undefined || a.kind === kind) &&
          (adapter === undefined || a.name.includes(adapter)),
      );
      if (!found) throw new RekindleError("device-missing", `no ${kind ?? adapter} here`);
      return { info: found } as unknown as Gpu;
    },
    cpuProblem: async () => (has.cpu ? undefined : "ONNX Runtime cannot be loaded"),
  };
}

const all = machine({ gpu: "Radeon RX 5600 XT", software: "llvmpipe", cpu: true });

async function kindOf(wanted: string, openers: Openers): Promise<string> {
  return (await openDevice(wanted, openers)).summary.kind;
}

describe("openDevice", () => {
  test("auto takes a real GPU, else the CPU, else an emulated GPU", async () => {
    expect(await kindOf("auto", all)).toBe("gpu");
    expect(await kindOf("auto", machine({ software: "llvmpipe", cpu: true }))).toBe("cpu");
    expect(await kindOf("auto", machine({ software: "llvmpipe" }))).toBe("software");
  });

  test("auto says why it did not take a GPU", async () => {
    const { summary } = await openDevice("auto", machine({ cpu: true }));
    expect(summary).toMatchObject({ backend: "onnxruntime", reason: "no gpu here" });
    const emulated = await openDevice("auto", machine({ software: "llvmpipe" }));
    expect(emulated.summary.reason).toBe("no gpu here; ONNX Runtime cannot be loaded");
  });

  test("auto tells every reason where nothing is left", async () => {
    await expect(openDevice("auto", machine({}))).rejects.toMatchObject({
      code: "device-missing",
      message: "no gpu here; ONNX Runtime cannot be loaded; no software here",
      fix: expect.stringContaining("npm install onnxruntime-node"),
    });
  });

  test("what is asked for is taken, or an error: no other device steps in", async () => {
    expect(await kindOf("GPU", all)).toBe("gpu");
    expect(await kindOf("software", all)).toBe("software");
    expect(await kindOf("cpu", all)).toBe("cpu");
    const bare = machine({ cpu: true, software: "llvmpipe" });
    await expect(openDevice("gpu", bare)).rejects.toMatchObject({ code: "device-missing" });
    await expect(openDevice("cpu", machine({ gpu: "A" }))).rejects.toMatchObject({
      code: "device-missing",
      fix: expect.stringContaining("onnxruntime-node"),
    });
  });

  test("anything else is part of a name", async () => {
    const { summary, gpu } = await openDevice("RX 5600", all);
    expect(summary).toMatchObject({ kind: "gpu", name: "Radeon RX 5600 XT" });
    expect(gpu).toBeDefined();
    await expect(openDevice("Arc", all)).rejects.toMatchObject({ code: "device-missing" });
  });
});
