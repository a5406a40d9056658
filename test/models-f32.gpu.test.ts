import { describe, test } from "vitest";
import { models } from "../src/models/index.ts";
import { expectModelMatches } from "./model-matches.ts";
import { ort } from "./onnxruntime.ts";

describe.runIf(ort)("in float32 as in ONNX Runtime", () => {
  test.each([...models.keys()])("%s", (name) => expectModelMatches(name, "f32", 1e-4), 600_000);
});
