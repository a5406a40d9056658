import { describe, expect, test } from "vitest";
import type { Precision, Session } from "../../session/index.ts";
import { Tensor } from "../../tensor/index.ts";
import type { FeedPlan } from "./feeds.ts";
import { checkComparable, requirePassed, verify } from "./verify.ts";

const tensor = (...values: number[]) => Tensor.from("float32", values, [1, values.length]);

/** A session whose runs give these outputs, one after the other. */
function sessionOf(...runs: Record<string, Tensor>[]): Session {
  let next = 0;
  const device = { kind: "cpu", name: "the CPU", backend: "onnxruntime", reason: "asked for" };
  return { device, run: async () => runs[next++] } as unknown as Session;
}

function planOf(runs: number): FeedPlan {
  async function* batches() {
    for (let i = 0; i < runs; i++) yield { feeds: new Map(), pictures: [] };
  }
  return { batch: 1, runs, unit: "items", summary: [], batches };
}

const compare = (actual: Tensor, expected: Tensor, precision: Precision = "f32") =>
  verify(planOf(1), [new Map([["y", actual]])], sessionOf({ y: expected }), precision);

describe("verify", () => {
  test("measures the error over all runs", async () => {
    const actual = [new Map([["y", tensor(3, 4)]]), new Map([["y", tensor(0, 1)]])];
    const cpu = sessionOf({ y: tensor(3, 4) }, { y: tensor(0, 0.5) });
    const result = await verify(planOf(2), actual, cpu, "f32");
    expect(result.against).toBe("the CPU");
    expect(result.outputs).toHaveLength(1);
    expect(result.outputs[0]!.relativeL2).toBeCloseTo(0.5 / Math.sqrt(25.25), 10);
    expect(result.outputs[0]!.largestAbsolute).toBe(0.5);
    expect(result.passed).toBe(false);
  });

  test.each([
    [1e-5, "f32", true],
    [1e-3, "f32", false],
    [1e-3, "f16", true],
    [0.02, "f16", false],
  ] as const)("an error of %d at %s passes: %s", async (error, precision, passed) => {
    expect((await compare(tensor(1 + error), tensor(1), precision)).passed).toBe(passed);
  });

  test("NaN against a number fails, NaN against NaN passes", async () => {
    expect((await compare(tensor(Number.NaN, 1), tensor(2, 1))).passed).toBe(false);
    expect((await compare(tensor(2, 1), tensor(Number.NaN, 1))).passed).toBe(false);
    expect((await compare(tensor(Number.NaN, 1), tensor(Number.NaN, 1))).passed).toBe(true);
    expect((await compare(tensor(Infinity), tensor(Infinity))).passed).toBe(true);
  });

  test("shapes must agree", async () => {
    await expect(compare(tensor(1, 2), tensor(1))).rejects.toThrow(/"y" is 1x2.*it is 1x1/);
  });

  test("a failure names outputs and errors, and has its code", async () => {
    const failed = await compare(tensor(1.5), tensor(1));
    expect(() => requirePassed(failed)).toThrow(/1 output.*the CPU.*"y" 0\.5/);
    expect(() => requirePassed(failed)).toThrow(expect.objectContaining({ code: "verify-failed" }));
    requirePassed({ ...failed, passed: true });
  });

  test("the CPU is not compared with itself", () => {
    expect(() => checkComparable(sessionOf())).toThrow(/CPU itself: asked for/);
  });
});
