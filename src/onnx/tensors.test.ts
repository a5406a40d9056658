import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { RekindleError } from "../errors.ts";
import { type DType, Tensor } from "../tensor/index.ts";
import { TensorProtoSchema } from "./onnx_pb.ts";
import { readTensor, writeTensor } from "./tensors.ts";

const read = (init: MessageInitShape<typeof TensorProtoSchema>) =>
  readTensor(create(TensorProtoSchema, { name: "t", dims: [2n], ...init }));

describe("elements in typed fields", () => {
  test.each<[DType, number, MessageInitShape<typeof TensorProtoSchema>, number[]]>([
    ["float32", 1, { floatData: [0.5, -2] }, [0.5, -2]],
    ["uint8", 2, { int32Data: [0, 255] }, [0, 255]],
    ["int8", 3, { int32Data: [-1, 7] }, [-1, 7]],
    ["uint16", 4, { int32Data: [1, 65535] }, [1, 65535]],
    ["int16", 5, { int32Data: [-1, 300] }, [-1, 300]],
    ["int32", 6, { int32Data: [-5, 70000] }, [-5, 70000]],
    ["int64", 7, { int64Data: [-5n, 2n ** 40n] }, [-5, 2 ** 40]],
    ["bool", 9, { int32Data: [0, 1] }, [0, 1]],
    ["float16", 10, { int32Data: [0x3c00, 0xc000] }, [1, -2]],
    ["float64", 11, { doubleData: [0.1, 3] }, [0.1, 3]],
    ["uint32", 12, { uint64Data: [1n, 2n ** 32n - 1n] }, [1, 2 ** 32 - 1]],
    ["uint64", 13, { uint64Data: [1n, 2n ** 40n] }, [1, 2 ** 40]],
    ["float32", 16, { int32Data: [0x3f80, 0xc040] }, [1, -3]], // bfloat16
  ])("%s, number %i", (dtype, dataType, data, values) => {
    const tensor = read({ dataType, ...data });
    expect(tensor.dtype).toBe(dtype);
    expect([...tensor.toNumbers()]).toEqual(values);
  });
});

test.each<[DType, number[]]>([
  ["float32", [0.5, -2]],
  ["float16", [0.5, -2]],
  ["float64", [0.1, 1e300]],
  ["int64", [-1, 2 ** 40]],
  ["uint32", [0, 2 ** 32 - 1]],
  ["bool", [1, 0]],
])("%s goes through the raw form and back, aligned or not", (dtype, values) => {
  const tensor = Tensor.from(dtype, values, [2]);
  const proto = writeTensor("t", tensor);
  expect(readTensor(proto)).toEqual(tensor);
  const shifted = new Uint8Array(proto.rawData.length + 1);
  shifted.set(proto.rawData, 1);
  proto.rawData = shifted.subarray(1);
  expect(readTensor(proto)).toEqual(tensor);
});

test("raw bfloat16 becomes float32", () => {
  const tensor = read({ dataType: 16, rawData: Uint8Array.of(0x80, 0x3f, 0x40, 0xc0) });
  expect(tensor).toEqual(Tensor.from("float32", [1, -3], [2]));
});

test("scalars and empty tensors", () => {
  expect(read({ dims: [], dataType: 1, floatData: [3] }).dims).toEqual([]);
  expect(read({ dims: [0n, 5n], dataType: 1 }).dims).toEqual([0, 5]);
});

test.each<[string, MessageInitShape<typeof TensorProtoSchema>, string]>([
  ["too few bytes", { dataType: 1, rawData: new Uint8Array(4) }, "needs 8 bytes, the file holds 4"],
  ["too few elements", { dataType: 7, int64Data: [1n] }, "needs 2 elements, the file holds 1"],
  ["a negative size", { dataType: 1, dims: [-1n] }, "impossible shape"],
  ["a size beyond memory", { dataType: 1, dims: [2n ** 62n, 2n ** 62n] }, "impossible shape"],
  ["a large size and no data", { dataType: 1, dims: [2n ** 40n] }, "the file holds 0"],
])("%s", (_, init, message) => {
  expect(() => read(init)).toThrow(RekindleError);
  expect(() => read(init)).toThrow(message);
});
