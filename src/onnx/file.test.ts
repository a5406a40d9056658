import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { node, onnxModel, value } from "../../test/onnx-model.ts";
import { RekindleError } from "../errors.ts";
import { loadOnnx } from "./file.ts";
import { readOnnx } from "./read.ts";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "rekindle-"));
  await writeFile(
    path.join(folder, "weights.bin"),
    new Uint8Array(Float32Array.of(9, 1, 2).buffer),
  );
});

afterAll(() => rm(folder, { recursive: true }));

/** A model that adds a tensor of two floats, stored as the entries say. */
function model(external: Record<string, string>): Uint8Array {
  return onnxModel({
    inputs: [value("x", [2])],
    outputs: [value("y", [2])],
    nodes: [node("Add", "x w", "y")],
    constants: [
      {
        name: "w",
        dataType: 1,
        dims: [2n],
        dataLocation: 1,
        externalData: Object.entries(external).map(([key, v]) => ({ key, value: v })),
      },
    ],
  });
}

async function load(external: Record<string, string>) {
  const file = path.join(folder, "model.onnx");
  await writeFile(file, model(external));
  return loadOnnx(file);
}

test("reads the bytes that a tensor needs from the file beside the model", async () => {
  const graph = await load({ location: "weights.bin", offset: "4", length: "8" });
  expect([...graph.constants.get("w")!.toNumbers()]).toEqual([1, 2]);
});

test("without offset and length, from the start, as many as the shape needs", async () => {
  const graph = await load({ location: "./weights.bin" });
  expect([...graph.constants.get("w")!.toNumbers()]).toEqual([9, 1]);
});

describe("errors", () => {
  test.each<[string, Record<string, string>, string, string]>([
    ["a missing file", { location: "gone.bin" }, "file-missing", '"gone.bin"'],
    [
      "a short file",
      { location: "weights.bin", offset: "8" },
      "file-invalid",
      "has 12 bytes, the model needs bytes 8 to 16",
    ],
    ["a file elsewhere", { location: "../weights.bin" }, "model-invalid", "outside its folder"],
    ["an absolute path", { location: "/etc/hostname" }, "model-invalid", "outside its folder"],
    ["a path in disguise", { location: "a/../../b" }, "model-invalid", "outside its folder"],
    ["the folder itself", { location: ".", offset: "0" }, "file-invalid", "cannot be read"],
    ["no file named", { offset: "0" }, "model-invalid", "names no file"],
    ["a wrong length", { location: "weights.bin", length: "4" }, "model-invalid", "needs 8"],
    ["an offset below 0", { location: "weights.bin", offset: "-8" }, "model-invalid", "offset -8"],
  ])("%s", async (_, external, code, message) => {
    const error = await load(external).catch((e: unknown) => e as RekindleError);
    expect(error).toBeInstanceOf(RekindleError);
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  test("a model that does not exist", async () => {
    const error = loadOnnx(path.join(folder, "none.onnx"));
    await expect(error).rejects.toMatchObject({ code: "file-missing" });
  });

  test("bytes whose external data nobody can read", async () => {
    const error = readOnnx(model({ location: "weights.bin" }));
    await expect(error).rejects.toMatchObject({
      code: "file-missing",
      message: expect.stringContaining('"weights.bin"'),
    });
  });

  test("a reader that gives too few bytes", async () => {
    const readExternal = () => new Uint8Array(4);
    const error = readOnnx(model({ location: "weights.bin" }), { readExternal });
    await expect(error).rejects.toMatchObject({ message: expect.stringContaining("got 4") });
  });
});
