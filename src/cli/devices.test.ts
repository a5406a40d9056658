import { describe, expect, test } from "vitest";
import type { AdapterReport } from "../gpu/index.ts";
import { judge, renderSurvey, type Survey } from "./devices.ts";

const report = (changes: Partial<AdapterReport> = {}): AdapterReport => ({
  name: "AMD Radeon RX 5600 XT (RADV NAVI10)",
  vendor: "amd",
  architecture: "rdna-1",
  device: "amd-radeon-rx-5600-xt-radv-navi10-",
  description: "radv: Mesa 25.0.7",
  kind: "gpu",
  backend: "vulkan",
  features: ["shader-f16", "subgroups"],
  limits: {
    maxComputeWorkgroupStorageSize: 65_536,
    maxComputeInvocationsPerWorkgroup: 1024,
    maxStorageBufferBindingSize: 2 ** 32 - 4,
  },
  subgroupMinSize: 32,
  subgroupMaxSize: 64,
  ...changes,
});

const output = { write: () => undefined, isTerminal: false, hasColor: false, columns: 80 };
const cpu = { name: "CPU (ONNX Runtime)", available: true };
const autoOf = (kind: "gpu" | "cpu", name: string) =>
  ({ kind, name, backend: kind === "gpu" ? "webgpu" : "onnxruntime", reason: "" }) as const;

describe("judging", () => {
  test("a card with all that is needed suits, without remarks", () => {
    expect(judge(report())).toMatchObject({ suits: true, remarks: [] });
  });

  test.each([
    ["maxComputeWorkgroupStorageSize", 8192, /memory of a workgroup is 8192, 16384 are needed/],
    ["maxComputeInvocationsPerWorkgroup", 128, /size of a workgroup is 128, 256 are needed/],
    ["maxStorageBufferBindingSize", 2 ** 20, /largest buffer is 1048576/],
  ])("too little %s does not", (name, value, remark) => {
    const judged = judge(report({ limits: { ...report().limits, [name]: value } }));
    expect(judged.suits).toBe(false);
    expect(judged.remarks.join()).toMatch(remark);
  });

  test("what is missing or slow is remarked", () => {
    const judged = judge(report({ features: [], kind: "software" }));
    expect(judged.suits).toBe(true);
    expect(judged.remarks).toHaveLength(3);
    expect(judge(report({ kind: "null" })).suits).toBe(false);
  });
});

describe("as text", () => {
  const adapter = judge(report());

  test("a GPU: facts, and that it is taken", () => {
    const survey: Survey = { adapters: [adapter], cpu, auto: autoOf("gpu", adapter.name) };
    const text = renderSurvey(survey, output, "linux");
    expect(text).toContain(`${adapter.name}  (taken by default)\n`);
    expect(text).toMatch(/wave size +32 to 64\n/);
    expect(text).toMatch(/driver +radv: Mesa 25\.0\.7\n/);
    expect(text).toMatch(/workgroup +1024 invocations, 64 KiB of shared memory\n/);
    expect(text).toMatch(/largest buffer +4 GiB\n/);
    expect(text).toMatch(/choose by +--device "AMD Radeon RX 5600 XT"\n/);
    expect(text).not.toContain("No GPU");
    expect(Math.max(...text.split("\n").map((line) => line.length))).toBeLessThanOrEqual(80);
  });

  test("no GPU: says so and what to do", () => {
    const survey: Survey = { adapters: [], cpu, auto: autoOf("cpu", cpu.name) };
    const text = renderSurvey(survey, output, "linux");
    expect(text).toContain("CPU (ONNX Runtime)  (taken by default)");
    expect(text).toMatch(/No GPU was found\.\nOn Debian and Ubuntu: install Mesa's/);
    expect(renderSurvey(survey, output, "win32")).toMatch(/found\.\nInstall the newest driver/);
  });

  test("neither WebGPU nor CPU: both reasons", () => {
    const broken = { name: cpu.name, available: false, problem: "it is not installed" };
    const survey: Survey = { adapters: [], cpu: broken, auto: null, problem: "no Dawn here" };
    const text = renderSurvey(survey, output, "linux");
    expect(text).toContain("No GPU can be reached: no Dawn here");
    expect(text).toMatch(/suits +no: it is not installed/);
    expect(text).not.toContain("taken by default");
  });
});
