import { describe, expect, test } from "vitest";
import type { NodeTaskOrder } from "../validate/node-order.ts";
import { runNodeTask } from "../validate/node-task.ts";
import { toleranceFor } from "./case.ts";
import { matrix } from "./matrix.ts";
import { type NodeOrder, runNodeStep } from "./node-step.ts";
import { experimentsFor } from "./targets.ts";

type Message = Readonly<Record<string, unknown>>;

/** What ONNX Runtime says to an order. */
async function saidTo(order: NodeOrder): Promise<Message[]> {
  const said: Message[] = [];
  await runNodeStep("ort", order, (message) => void said.push(message));
  return said;
}

const rows = matrix.filter((row) => row.inference && row.case.task !== "network");
const float32 = rows.filter((row) => row.case.dtype === "float32" && row.id !== "conv/large");

describe("a step of ONNX Runtime", () => {
  test.each(float32.map((row) => [row.id, row.case] as const))("%s is right", async (_, one) => {
    const said = await saidTo({ case: one, seed: 1 });
    const { result } = said.at(-1) as { result: { error: number; device: string } };
    expect(result.device).toBe("CPU (ONNX Runtime)");
    expect(result.error).toBeLessThan(toleranceFor(one));
    expect(said.filter((message) => "at" in message).length).toBeGreaterThan(2);
  });
});

describe("parts of a validation", () => {
  const cases = float32
    .filter(({ id }) => ["conv/usual", "conv/depthwise", "pool/max"].includes(id))
    .map((row) => ({ id: row.id, case: row.case, tolerance: toleranceFor(row.case) }));
  const order = {
    seed: 1,
    cases,
    times: 2,
    seconds: 1,
    models: [],
    layers: [],
    batch: 1,
    matrixSize: 64,
  } as const;
  const run = async (part: Partial<NodeTaskOrder>) => {
    const said: Message[] = [];
    const whole: NodeTaskOrder = { kind: "cases", ...order, imageSize: 32, ...part };
    await runNodeTask("ort", whole, (message) => void said.push(message));
    return said.at(-1)!.result as { error: unknown; data: Record<string, unknown> };
  };

  test("cases: what fails is named, and the rest is done", async () => {
    const impossible = { ...cases[0]!, id: "impossible", tolerance: 0 };
    const { error, data } = await run({ kind: "cases", cases: [impossible, ...cases] });
    expect(error).toBe("not finite");
    expect(data).toMatchObject({ checked: 4, failed: 1, failures: [{ id: "impossible" }] });
  });

  test("repeat: the same bits twice, with their hash", async () => {
    const { error, data } = await run({ kind: "repeat" });
    expect(error).toBe(0);
    const again = await run({ kind: "repeat" });
    expect(again.data).toEqual(data);
    expect(Object.keys(data.outputs as object)).toEqual(cases.map(({ id }) => id));
  });

  test("speed: layers and networks have a time, and a bound by measured rates", async () => {
    const layer = { C: 16, H: 28, W: 28, K: 32, R: 3, S: 3, stride: 1, dilation: 1, G: 1 };
    const layers = [{ ...layer, name: "c16", class: "3x3" }];
    const speed = { kind: "speed", layers, models: ["resnet18"], matrixSize: 256 } as const;
    const { data } = await run(speed);
    const ms = expect.objectContaining({ median: expect.any(Number) });
    expect(data).toMatchObject({
      layers: [{ name: "c16", class: "3x3", batch: 1, ms }],
      models: [{ name: "resnet18", batch: 1, imageSize: 32, ms }],
    });
    const { flopPerSecond, layers: times } = data as {
      flopPerSecond: number;
      layers: { boundMs: number }[];
    };
    // 2 * 28 * 28 * 32 * 16 * 9 operations; its bytes may take longer.
    const arithmeticMs = (1000 * 7_225_344) / flopPerSecond;
    expect(times[0]!.boundMs).toBeGreaterThanOrEqual(arithmeticMs * 0.999);
    expect(times[0]!.boundMs).toBeLessThan(100 * arithmeticMs);
  });

  test("soak: counts its runs, and sees other numbers", async () => {
    const { error, data } = await run({ kind: "soak" });
    expect(error).toBe(0);
    expect(data.runs).toBeGreaterThan(2);
    const strict = cases.map((one) => ({ ...one, tolerance: -1 }));
    expect((await run({ kind: "soak", cases: strict })).error).toBeGreaterThan(0);
  });
});

describe("the matrix", () => {
  test("has every id once, and each target what it can do", () => {
    const ids = matrix.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const machine = { isRocm: false, override: undefined, gfx: undefined };
    const torch = experimentsFor({ name: "torch", python: "python", machine });
    expect(torch.length).toBe(matrix.length);
    for (const { needs } of torch)
      for (const id of needs) expect(torch.map((e) => e.id)).toContain(id);
    const engine = experimentsFor({ name: "engine" }).map(({ id }) => id);
    expect(engine).toContain("engine/conv/f16");
    expect(engine.some((id) => /backward|bf16|training|channels-last/.test(id))).toBe(false);
    expect(experimentsFor({ name: "ort" }).every(({ risk }) => risk === "safe")).toBe(true);
  });
});
