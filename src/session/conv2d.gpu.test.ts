import { afterAll, describe, expect, test } from "vitest";
import { expectClose, readyCase, seeded } from "../../test/cases.ts";
import { ops } from "../ops/index.ts";
import { type Shape, sizeOf, Tensor } from "../tensor/index.ts";
import { type Conv2dOptions, closeDevices, conv2d } from "./conv2d.ts";

const device = "software";
afterAll(closeDevices);

function random(dims: Shape, seed = 1): Tensor {
  const next = seeded(seed);
  return Tensor.from(
    "float32",
    Float64Array.from({ length: sizeOf(dims) }, () => next() - 0.5),
    dims,
  );
}

describe.each(["software", "cpu"])("on %s", (device) => {
  test("strides, padding on each side, dilation, groups and bias", async () => {
    const [x, weights, bias] = [random([2, 4, 9, 11]), random([6, 2, 3, 2], 2), random([6], 3)];
    const options: Conv2dOptions = {
      bias,
      strides: [2, 1],
      pads: [1, 0, 2, 1],
      dilations: [1, 2],
      group: 2,
      device,
    };
    const y = await conv2d(x, weights, options);
    const { expected } = readyCase(ops.get("Conv")!, {
      name: "the same",
      inputs: [x, weights, bias].map((t) => ({ dims: t.dims, values: [...t.toNumbers()] })),
      attributes: { strides: [2, 1], pads: [1, 0, 2, 1], dilations: [1, 2], group: 2 },
    });
    expectClose(y, expected[0]!, 1e-5);
  });
});

describe("conv2d", () => {
  test("weights that change in place count", async () => {
    const x = Tensor.from("float32", [1, 2, 3, 4], [1, 1, 2, 2]);
    const weights = Tensor.from("float32", [10], [1, 1, 1, 1]);
    expect([...(await conv2d(x, weights, { device })).data]).toEqual([10, 20, 30, 40]);
    weights.data[0] = -1;
    expect([...(await conv2d(x, weights, { device })).data]).toEqual([-1, -2, -3, -4]);
  });

  test("many different ones at once, more than stay prepared", async () => {
    const x = Tensor.from("float32", [1, 2, 3, 4], [1, 1, 2, 2]);
    const results = Array.from({ length: 20 }, (_, i) =>
      conv2d(x, Tensor.from("float32", [i], [1, 1, 1, 1]), { device }),
    );
    const sums = (await Promise.all(results)).map((y) => y.toNumbers().reduce((a, b) => a + b));
    expect(sums).toEqual(Array.from({ length: 20 }, (_, i) => 10 * i));
  });

  test("tensors that do not fit together are told with both numbers", async () => {
    const x = random([1, 3, 8, 8]);
    await expect(conv2d(x, random([4, 4, 3, 3]), { device })).rejects.toMatchObject({
      code: "input-shape",
      message: expect.stringMatching(/^conv2d: weights expect 4 .* input has 3$/),
    });
    await expect(conv2d(x, random([4, 3, 3]), { device })).rejects.toMatchObject({
      code: "input-shape",
    });
    await expect(conv2d(x, random([4, 3, 3, 3]).cast("float16"), { device })).rejects.toMatchObject(
      { code: "input-dtype" },
    );
    await expect(conv2d(x, random([4, 3, 3, 3]), { device, strides: 0 })).rejects.toMatchObject({
      code: "usage",
    });
  });

  test("works again after closeDevices", async () => {
    const x = Tensor.from("float32", [2], [1, 1, 1, 1]);
    await closeDevices();
    expect((await conv2d(x, x, { device })).data[0]).toBe(4);
  });
});
