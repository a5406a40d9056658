import { expect, test } from "vitest";
import { GraphBuilder } from "../../test/graphs.ts";
import { fuseEpilogues } from "../passes/epilogue.ts";
import { problemsOf } from "../session/plan.ts";
import { problemKey } from "./problem-key.ts";

/** The key of the first node of a graph whose steps are fused. */
function keyOf(make: (b: GraphBuilder) => string, device = {}): string {
  const b = new GraphBuilder();
  return problemKey(problemsOf(fuseEpilogues(b.typed(make(b))))[0]!.problem, device);
}

interface Variant {
  readonly size?: number;
  readonly stride?: number;
  readonly alpha?: number;
  readonly computed?: boolean;
}

/** A convolution with a fused LeakyRelu. */
const convKey = ({ size = 6, stride = 1, alpha = 0.5, computed }: Variant = {}) =>
  keyOf((b) => {
    const x = b.input("x", [1, size, size, 4]);
    const w = computed ? b.input("w", [4, 4, 1, 1]) : b.weight([4, 4, 1, 1]);
    const y = b.op("Conv", [x, w], { layout: "NHWC", strides: [stride, stride] });
    return b.op("LeakyRelu", [y], { alpha });
  });

test("everything that shaders depend on is in the key, readable", () => {
  expect(convKey()).toBe(
    "Conv auto_pad=NOTSET dilations=[] group=1 kernel_shape=[] layout=NHWC pads=[] " +
      "strides=[1,1] (float32[1,6,6,4], float32[4,4,1,1]*) -> float32[1,6,6,4]; " +
      "select(x, x * 0.5, x < f32(0))",
  );
});

test("equal problems have equal keys, whatever their weights are", () => {
  expect(convKey()).toBe(convKey());
  const other = keyOf((b) => {
    b.weight([3]); // Moves the seed on, so that the weights differ.
    const conv = b.op("Conv", [b.input("x", [1, 6, 6, 4]), b.weight([4, 4, 1, 1])], {
      layout: "NHWC",
      strides: [1, 1],
    });
    return b.op("LeakyRelu", [conv], { alpha: 0.5 });
  });
  expect(other).toBe(convKey());
});

test.each<[string, Variant]>([
  ["sizes", { size: 8 }],
  ["attributes", { stride: 2 }],
  ["attributes of fused steps", { alpha: 0.2 }],
  ["weights that are not known before the run", { computed: true }],
])("another key for other %s", (_, variant) => {
  expect(convKey(variant)).not.toBe(convKey());
});

test.each(["float16", "float32"] as const)("arithmetic in float16 counts for %s", (dtype) => {
  const make = (b: GraphBuilder) => b.op("Abs", [b.input("x", [4], dtype)]);
  const plain = keyOf(make, { multipliesHalf: false });
  const half = keyOf(make, { multipliesHalf: true });
  expect(half).toBe(dtype === "float16" ? `${plain}; multiplied in float16` : plain);
});

test("integers that are known count: axes, pads, starts", () => {
  const slice = (start: number) =>
    keyOf((b) => b.op("Slice", [b.input("x", [9]), b.ints(start), b.ints(start + 4)]));
  expect(slice(1)).not.toBe(slice(2));
  expect(slice(1)).toContain("int64[1]=[1]");
});

test("the operand of a fused step counts, and on which side it stands", () => {
  const fused = (operands: (x: string, y: string) => string[], dims: number[]) =>
    keyOf((b) => {
      const conv = b.op("Conv", [b.input("x", [1, 4, 4, 4]), b.weight([4, 4, 1, 1])], {
        layout: "NHWC",
      });
      return b.op("Sub", operands(conv, b.input("r", dims)));
    });
  const whole = fused((x, y) => [x, y], [1, 4, 4, 4]);
  expect(fused((x, y) => [x, y], [4])).not.toBe(whole);
  expect(fused((x, y) => [y, x], [1, 4, 4, 4])).not.toBe(whole);
});
