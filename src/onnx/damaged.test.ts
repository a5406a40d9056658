import { expect, test } from "vitest";
import { seeded } from "../../test/cases.ts";
import { node, onnxModel, value } from "../../test/onnx-model.ts";
import { RekindleError } from "../errors.ts";
import { models } from "../models/index.ts";
import { readOnnx } from "./read.ts";
import { writeOnnx } from "./write.ts";

// Damaged files give a clear error or a graph, never anything else.

const whole = writeOnnx(
  models.get("mobilenet_v2")!.build({ imageSize: 32, width: 0.1, classes: 3 }),
);

/** The code of the error, or "read"; anything but a RekindleError fails the test. */
async function outcome(bytes: Uint8Array): Promise<string> {
  try {
    await readOnnx(bytes);
    return "read";
  } catch (error) {
    if (!(error instanceof RekindleError)) throw error;
    expect(error.message).not.toMatch(/wire type|premature|varint|undefined|NaN/);
    return error.code;
  }
}

test("the whole file can be read", async () => {
  expect(await outcome(whole)).toBe("read");
});

test("300 truncations", async () => {
  const next = seeded(11);
  for (let i = 0; i < 300; i++) {
    const cut = whole.subarray(0, Math.floor(next() * whole.length));
    expect(await outcome(cut), `cut to ${cut.length}`).toMatch(/^(file|model)-invalid$/);
  }
});

test("500 files with a few wrong bytes", async () => {
  const next = seeded(12);
  const seen = new Set<string>();
  for (let i = 0; i < 500; i++) {
    const bytes = whole.slice();
    // The nodes come first in the file; most of it is weights, where a wrong byte is no error.
    const reach = i % 2 === 0 ? bytes.length : 8000;
    for (let flips = 0; flips < 3; flips++) bytes[Math.floor(next() * reach)] = next() * 256;
    seen.add(await outcome(bytes));
  }
  expect([...seen].sort()).toEqual(["file-invalid", "model-invalid", "model-unsupported", "read"]);
});

test("300 files of random bytes", async () => {
  const next = seeded(13);
  for (let i = 0; i < 300; i++) {
    const bytes = Uint8Array.from({ length: 1 + next() * 500 }, () => next() * 256);
    expect(await outcome(bytes)).toBe("file-invalid");
  }
});

test("sizes that no machine has are refused before anything is allocated", async () => {
  const dims = [2n ** 31n, 2n ** 20n];
  const bytes = onnxModel({
    outputs: [value("y")],
    nodes: [node("Relu", "w", "y")],
    constants: [{ name: "w", dataType: 1, dims, rawData: new Uint8Array(8) }],
  });
  expect(await outcome(bytes)).toBe("model-invalid");
});

test.each([
  ["", "empty"],
  ["version https://git-lfs.github.com/spec/v1\n", "git lfs pull"],
  ["PK\x03\x04\x14", "zip archive"],
  ["<!DOCTYPE html><html>", "HTML"],
  ["\x18\x00\x00\x00TFL3", "TensorFlow Lite"],
])("a file that starts with %j is named", async (content, what) => {
  const bytes = Uint8Array.from(content, (c) => c.charCodeAt(0));
  const error = await readOnnx(bytes).catch((e: unknown) => e as RekindleError);
  expect(error).toBeInstanceOf(RekindleError);
  const { code, message, fix } = error as RekindleError;
  expect(code).toBe("file-invalid");
  expect(`${message} ${fix}`).toContain(what);
});
