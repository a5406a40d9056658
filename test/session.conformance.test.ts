import { afterAll, beforeAll, describe } from "vitest";
import type { Graph } from "../src/graph/index.ts";
import { type OpenDevice, openDevice, Session } from "../src/session/index.ts";
import type { Tensor } from "../src/tensor/index.ts";
import { expectClose } from "./cases.ts";
import { conformanceTests, dataSetsOf, firstAccepted, variantsOf } from "./onnx-tests.ts";

let device: OpenDevice;
let onDevice = 0;
beforeAll(async () => {
  device = await openDevice("software");
});
afterAll(() => {
  console.log(
    `${onDevice} of ONNX's tests ran dispatches, the others were computed while planning`,
  );
  device.gpu?.destroy();
});

describe("sessions on software Vulkan", () => {
  conformanceTests(async (onnxTest) => {
    for (const { inputs, outputs } of dataSetsOf(onnxTest)) {
      const variants = await variantsOf(onnxTest, inputs);
      const results = await firstAccepted(variants, (graph) => runOnce(graph, inputs));
      outputs.forEach((expected, i) => {
        expectClose(results[i]!, expected, expected.dtype === "float16" ? 1e-3 : 1e-4);
      });
    }
  });
});

/** The outputs of one run in the model's order. */
async function runOnce(graph: Graph, inputs: readonly Tensor[]): Promise<Tensor[]> {
  const session = await Session.on(device, graph, {}, { keepOpen: true });
  try {
    const feeds = session.inputs.map(({ name }, i): [string, Tensor] => [name, inputs[i]!]);
    const results = await session.run(Object.fromEntries(feeds));
    if (session.stats.dispatches > 0) onDevice++;
    return session.outputs.map(({ name }) => results[name]!);
  } finally {
    await session.dispose();
  }
}
