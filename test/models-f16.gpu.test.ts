import { describe, test } from "vitest";
import { models } from "../src/models/index.ts";
import { expectModelMatches, hasF16 } from "./model-matches.ts";
import { ort } from "./onnxruntime.ts";

describe.runIf(ort && hasF16)("in float16 near ONNX Runtime in float32", () => {
  test.each([...models.keys()])("%s", (name) => expectModelMatches(name, "f16", 1e-2), 600_000);
});
