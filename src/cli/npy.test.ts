import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { RekindleError } from "../errors.ts";
import { type DType, dtypes, Tensor } from "../tensor/index.ts";
import { readNpy, writeNpy } from "./npy.ts";

/** A .npy file made by hand, so that reading is not only checked against our own writing. */
function npy(header: string, data: Uint8Array, version = 1): Uint8Array {
  const text = Buffer.from(`${header}\n`);
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  length.writeUIntLE(text.length, 0, length.length);
  return Buffer.concat([
    Buffer.from("\x93NUMPY", "latin1"),
    Buffer.of(version, 0),
    length,
    text,
    data,
  ]);
}

const dict = (descr: string, shape: string, fortran = "False") =>
  `{'descr': '${descr}', 'fortran_order': ${fortran}, 'shape': ${shape}, }`;

describe("written and read back", () => {
  test.each(dtypes)("%s", (dtype: DType) => {
    const t = Tensor.from(dtype, [0, 1, 1, 0, 1, 0], [2, 3, 1]);
    const back = readNpy(writeNpy(t), "t.npy");
    expect(back).toEqual(t);
  });

  test.each([[[]], [[1]], [[0, 3]]])("shape %j", (dims) => {
    const t = Tensor.from("float32", new Array(dims.reduce((a, b) => a * b, 1)).fill(7), dims);
    expect(readNpy(writeNpy(t), "t.npy")).toEqual(t);
  });

  test("data start at a multiple of 64", () => {
    const bytes = writeNpy(Tensor.from("uint8", [1, 2, 3], [3]));
    expect(bytes.length % 64).toBe(3);
  });
});

describe("read", () => {
  test("big-endian", () => {
    const data = Buffer.alloc(8);
    data.writeFloatBE(1.5, 0);
    data.writeFloatBE(-2, 4);
    const t = readNpy(npy(dict(">f4", "(2,)"), data), "t.npy");
    expect([...t.data]).toEqual([1.5, -2]);
  });

  test("Fortran order becomes row-major", () => {
    // numpy.asfortranarray([[1, 2, 3], [4, 5, 6]]) stores column by column.
    const t = readNpy(npy(dict("|u1", "(2, 3)", "True"), Uint8Array.of(1, 4, 2, 5, 3, 6)), "t.npy");
    expect([...t.data]).toEqual([1, 2, 3, 4, 5, 6]);
    expect(t.dims).toEqual([2, 3]);
  });

  test.each([2, 3])("version %i", (version) => {
    const t = readNpy(npy(dict("|i1", "(1,)"), Uint8Array.of(255), version), "t.npy");
    expect([...t.data]).toEqual([-1]);
  });

  test("keys in another order, Python 2's long integers", () => {
    const header = `{"shape": (2L,), "fortran_order": False, "descr": "|b1"}`;
    const t = readNpy(npy(header, Uint8Array.of(2, 0)), "t.npy");
    expect(t.dtype).toBe("bool");
    expect([...t.data]).toEqual([1, 0]);
  });
});

describe("refused", () => {
  const good = npy(dict("<f4", "(2,)"), new Uint8Array(8));
  test.each([
    ["not a .npy file", Buffer.from("hello, this is text"), /not a NumPy/],
    ["short", good.subarray(0, 7), /not a NumPy/],
    ["version 9", npy(dict("<f4", "(2,)"), new Uint8Array(8), 9), /format version is 9/],
    ["cut in the header", good.subarray(0, 30), /header should have/],
    ["cut in the data", good.subarray(0, good.length - 1), /announces float32 2, 8 bytes.*holds 7/],
    ["data left over", Buffer.concat([good, Buffer.of(0)]), /8 bytes.*holds 9/],
    ["a huge shape", npy(dict("<f4", "(999999999, 999999999)"), new Uint8Array(8)), /announces/],
    [
      "more digits than a number holds",
      npy(dict("<f4", `(${"9".repeat(400)},)`), new Uint8Array(8)),
      /shape/,
    ],
    ["a negative size", npy(dict("<f4", "(-1,)"), new Uint8Array(8)), /damaged/],
    ["complex numbers", npy(dict("<c8", "(1,)"), new Uint8Array(8)), /'<c8' is not supported/],
    [
      "structures",
      npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", new Uint8Array(4)),
      /not supported/,
    ],
    ["no dictionary", npy("nonsense", new Uint8Array(4)), /no element type/],
    ["a huge header", npy("x".repeat(70_000), new Uint8Array(4), 2), /header should have/],
  ])("%s", (_, bytes, message) => {
    expect(() => readNpy(bytes, "t.npy")).toThrow(message);
  });
});

test("damaged anywhere: an array or a clear error, whatever the bytes", () => {
  const good = writeNpy(Tensor.from("int16", [1, 2, 3, 4, 5, 6], [2, 3]));
  const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 8 });
  fc.assert(
    fc.property(damage, fc.nat(good.length), (changes, length) => {
      const bytes = good.slice(0, length);
      for (const [at, value] of changes) if (at < length) bytes[at] = value;
      try {
        expect(readNpy(bytes, "t.npy").data.byteLength).toBeLessThanOrEqual(length);
      } catch (error) {
        expect(error).toBeInstanceOf(RekindleError);
      }
    }),
    { numRuns: 500, seed: 1 },
  );
});
