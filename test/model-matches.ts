import { expect } from "vitest";
import { openGpu } from "../src/gpu/index.ts";
import { models } from "../src/models/index.ts";
import { writeOnnx } from "../src/onnx/index.ts";
import { type Precision, Session } from "../src/session/index.ts";
import { sizeOf, Tensor } from "../src/tensor/index.ts";
import { relativeError, seeded } from "./cases.ts";
import { runOrt } from "./onnxruntime.ts";

const gpu = await openGpu();
/** The device under test: the real GPU in that tier, software Vulkan in the other. */
const device = gpu.info.kind;
export const { hasF16 } = gpu.traits;
gpu.destroy();

/** The smallest picture that every stage of the architecture still has pixels of. */
const imageSize = 32;

/** Runs a built-in architecture here and in ONNX Runtime, and compares all of its outputs. */
export async function expectModelMatches(
  name: string,
  precision: Precision,
  tolerance: number,
): Promise<void> {
  const graph = models.get(name)!.build({ imageSize, batch: 1, classes: 100 });
  const [input] = graph.inputs;
  const dims = input!.dims as readonly number[];
  const next = seeded(7);
  const values = Float64Array.from({ length: sizeOf(dims) }, () => 2 * next() - 1);
  const feeds = { [input!.name]: Tensor.from("float32", values, dims) };
  const expected = await runOrt(writeOnnx(graph), feeds);
  const session = await Session.create(graph, { device, precision });
  try {
    const actual = await session.run(feeds);
    expect(Object.keys(actual)).toEqual(Object.keys(expected));
    for (const [output, tensor] of Object.entries(actual)) {
      expect(tensor.dims).toEqual(expected[output]!.dims);
      expect(relativeError(tensor, expected[output]!)).toBeLessThan(tolerance);
    }
  } finally {
    await session.dispose();
  }
}
