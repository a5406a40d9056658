import { describe, expect, test } from "vitest";
import { seeded } from "../../test/cases.ts";
import { ort, runOrt } from "../../test/onnxruntime.ts";
import { RekindleError } from "../errors.ts";
import type { Graph } from "../graph/index.ts";
import { readOnnx, writeOnnx } from "../onnx/index.ts";
import { sizeOf, Tensor } from "../tensor/index.ts";
import { models } from "./index.ts";

/** What training would change: all constants but the statistics of batch normalization. */
function trainable(graph: Graph): number {
  const statistics = new Set(
    graph.nodes.flatMap((n) => (n.op === "BatchNormalization" ? n.inputs.slice(3) : [])),
  );
  let count = 0;
  for (const [name, tensor] of graph.constants) if (!statistics.has(name)) count += tensor.size;
  return count;
}

/** From torchvision's documentation, where it has the network. */
const parameters: Readonly<Record<string, number>> = {
  resnet18: 11_689_512,
  resnet34: 21_797_672,
  resnet50: 25_557_032,
  resnet101: 44_549_160,
  vgg11: 132_863_336,
  vgg16: 138_357_544,
  vgg19: 143_667_240,
  mobilenet_v2: 3_504_872,
  mobilenet_v3_large: 5_483_032,
  mobilenet_v3_small: 2_542_856,
  squeezenet1_1: 1_235_496,
  googlenet: 6_624_904,
  densenet121: 7_978_856,
  efficientnet_b0: 5_288_548,
  // Not in torchvision: counted by PyTorch for the same layers, and by hand.
  unet: 31_037_698,
  espcn: 4_864 + 18_464 + 7_803,
};

test.each([...models.values()])("$name has as many parameters as the original", (model) => {
  expect(trainable(model.build())).toBe(parameters[model.name]);
});

test("equal seeds give equal weights, others do not", () => {
  const weights = (seed: number) => models.get("espcn")!.build({ seed }).constants.get("0.weight");
  expect(weights(3)).toEqual(weights(3));
  expect(weights(3)).not.toEqual(weights(4));
});

test.each([
  ["unet", 40, "multiple of 16"],
  ["vgg16", 31, "from 32 on"],
  ["resnet18", 0.5, "an integer"],
])("%s refuses the image size %d", (name, imageSize, message) => {
  const build = () => models.get(name)!.build({ imageSize });
  expect(build).toThrow(RekindleError);
  expect(build).toThrow(message);
});

describe.skipIf(!ort)("in ONNX Runtime (npm ci installs it)", () => {
  test.each([...models.values()])("$name computes numbers near 1", async (model) => {
    const imageSize = 64;
    const graph = model.build({
      batch: 2,
      imageSize,
      ...(model.name === "unet" && { width: 8 }),
    });
    const dims = [2, 3, imageSize, imageSize];
    const next = seeded(5);
    const noise = () => Math.sqrt(12) * (next() - 0.5); // mean 0, variance 1
    const x = Tensor.from("float32", Float64Array.from({ length: sizeOf(dims) }, noise), dims);
    const { y } = await runOrt(writeOnnx(graph), { x });
    expect(y!.dims).toEqual(graph.outputs[0]!.dims);
    const values = y!.toNumbers();
    const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
    const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / values.length;
    expect(Math.abs(mean)).toBeLessThan(2);
    expect(variance).toBeGreaterThan(0.02);
    expect(variance).toBeLessThan(10);
  });

  test.each([
    ["squeezenet1_1", 17],
    ["densenet121", 29],
    ["googlenet", 15],
    ["resnet18", 1],
    ["mobilenet_v2", 1],
  ])("%s takes pictures of %d pixels, and none that are smaller", async (name, imageSize) => {
    const model = models.get(name)!;
    const x = Tensor.from("float32", new Float32Array(3 * imageSize ** 2), [
      1,
      3,
      imageSize,
      imageSize,
    ]);
    const { y } = await runOrt(writeOnnx(model.build({ imageSize, classes: 7 })), { x });
    expect(y!.dims).toEqual([1, 7]);
    expect(() => model.build({ imageSize: imageSize - 1 })).toThrow(RekindleError);
  });
});

const bytesOf = ({ data }: Tensor) =>
  new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);

test("a file keeps free sizes, and everything else", async () => {
  const graph = models.get("mobilenet_v3_small")!.build({ imageSize: 32 });
  const back = await readOnnx(writeOnnx(graph));
  expect(back.inputs).toEqual([{ name: "x", dtype: "float32", dims: ["N", 3, 32, 32] }]);
  expect(back.outputs).toEqual(graph.outputs);
  expect(back.nodes.map((n) => [n.name, n.op, n.inputs, n.outputs])).toEqual(
    graph.nodes.map((n) => [n.name, n.op, n.inputs, n.outputs]),
  );
  expect([...back.constants.keys()]).toEqual([...graph.constants.keys()]);
  for (const [name, tensor] of graph.constants) {
    const read = back.constants.get(name)!;
    expect(read.dims).toEqual(tensor.dims);
    expect(Buffer.compare(bytesOf(read), bytesOf(tensor)), name).toBe(0);
  }
});
