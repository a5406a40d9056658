import { RekindleError } from "../errors.ts";
import { bytesPerElement, type DType, formatShape, Tensor, viewBytes } from "../tensor/index.ts";

/**
 * NumPy's .npy files, versions 1 to 3.
 * Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];

const typeNames: Readonly<Record<string, DType>> = {
  f2: "float16",
  f4: "float32",
  f8: "float64",
  i1: "int8",
  i2: "int16",
  i4: "int32",
  i8: "int64",
  u1: "uint8",
  u2: "uint16",
  u4: "uint32",
  u8: "uint64",
  b1: "bool",
};

/** Longer headers are refused: those of plain arrays stay below 200 bytes. */
const maxHeaderBytes = 64 * 1024;
const maxRank = 64;

/** What a NumPy header says. */
interface Header {
  readonly dtype: DType;
  readonly bigEndian: boolean;
  readonly fortranOrder: boolean;
  readonly dims: readonly number[];
  /** Where the data begin, in bytes. */
  readonly dataStart: number;
}

/**
 * Reads a .npy file: either byte order, C or Fortran order (brought to C order).
 * Throws "file-invalid" with `name` for anything else, before memory is allocated for it.
 *
 * @example
 * const x = readNpy(bytes, "x.npy"); // Tensor float32 1x3x224x224
 */
export function readNpy(bytes: Uint8Array, name: string): Tensor {
  const header = readHeader(bytes, name);
  const size = bytesPerElement(header.dtype);
  const announced = header.dims.reduce((product, d) => product * d, size);
  const held = bytes.length - header.dataStart;
  if (announced !== held) {
    const shape = formatShape(header.dims);
    throw invalid(
      name,
      `its header announces ${header.dtype} ${shape}, ${announced} bytes; it holds ${held}`,
      "the file is truncated or damaged: write it again with numpy.save",
    );
  }
  // A copy, so that the caller's bytes stay as they are.
  const data = bytes.slice(header.dataStart);
  if (header.bigEndian) swapBytes(data, size);
  if (header.dtype === "bool") for (let i = 0; i < data.length; i++) data[i] = data[i] ? 1 : 0;
  const tensor = new Tensor(header.dtype, viewBytes(header.dtype, data), header.dims);
  return header.fortranOrder ? toRowMajor(tensor) : tensor;
}

/**
 * Writes a tensor as a .npy file, version 1.0, little-endian, C order.
 *
 * @example
 * await writeFile("y.npy", writeNpy(y)); // numpy.load("y.npy")
 */
export function writeNpy(tensor: Tensor): Uint8Array {
  const code = Object.keys(typeNames).find((key) => typeNames[key] === tensor.dtype)!;
  const order = bytesPerElement(tensor.dtype) === 1 ? "|" : "<";
  const { dims } = tensor;
  const shape = dims.length === 1 ? `(${dims[0]},)` : `(${dims.join(", ")})`;
  const text = `{'descr': '${order}${code}', 'fortran_order': False, 'shape': ${shape}, }`;
  // The data start at a multiple of 64, so that they can be mapped into memory.
  const padding = (64 - ((10 + text.length + 1) % 64)) % 64;
  const header = Buffer.from(`${text}${" ".repeat(padding)}\n`, "latin1");
  const { buffer, byteOffset, byteLength } = tensor.data;
  const lead = Uint8Array.of(...magic, 1, 0, header.length & 0xff, header.length >> 8);
  return Buffer.concat([lead, header, new Uint8Array(buffer, byteOffset, byteLength)]);
}

function readHeader(bytes: Uint8Array, name: string): Header {
  if (bytes.length < 12 || magic.some((byte, i) => bytes[i] !== byte)) {
    throw invalid(name, "it is not a NumPy .npy file", "write it with numpy.save(file, array)");
  }
  const version = bytes[6]!;
  if (version < 1 || version > 3) {
    throw invalid(name, `its format version is ${version}, known are 1 to 3`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = version === 1 ? 10 : 12;
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > maxHeaderBytes || start + length > bytes.length) {
    throw invalid(
      name,
      `its header should have ${length} bytes, the file has ${bytes.length} in all`,
      "the file is truncated or damaged: write it again with numpy.save",
    );
  }
  const text = Buffer.from(bytes.subarray(start, start + length)).toString("utf8");
  return { ...parseHeader(text, name), dataStart: start + length };
}

/** Reads the dictionary of a header: a Python literal with three known keys. */
function parseHeader(text: string, name: string): Omit<Header, "dataStart"> {
  const descr = /['"]descr['"]\s*:\s*['"]([<>=|])([a-zA-Z]\d+)['"]/.exec(text);
  const order = /['"]fortran_order['"]\s*:\s*(True|False)/.exec(text);
  const shape = /['"]shape['"]\s*:\s*\(([\d,\sL]*)\)/.exec(text);
  const dtype = descr && typeNames[descr[2]!];
  if (!dtype) {
    const what = /['"]descr['"]\s*:\s*([^,}]{1,30})/.exec(text)?.[1];
    throw invalid(
      name,
      what ? `its element type ${what.trim()} is not supported` : "its header has no element type",
      `convert it first, to one of ${Object.keys(typeNames).join(" ")}`,
    );
  }
  if (!order || !shape) throw invalid(name, "its header is damaged");
  const dims = shape[1]!
    .split(",")
    .map((d) => d.trim().replace(/L$/, ""))
    .filter((d) => d !== "")
    .map(Number);
  if (dims.length > maxRank || !dims.every(Number.isSafeInteger)) {
    throw invalid(name, `its shape (${shape[1]!.slice(0, 60)}) is not one that can be held`);
  }
  return { dtype, bigEndian: descr[1] === ">", fortranOrder: order[1] === "True", dims };
}

function swapBytes(data: Uint8Array, size: number): void {
  const buffer = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (size === 2) buffer.swap16();
  if (size === 4) buffer.swap32();
  if (size === 8) buffer.swap64();
}

/** Reorders elements that lie first dimension fastest, so that the last one is fastest. */
function toRowMajor(tensor: Tensor): Tensor {
  const { dims, data } = tensor;
  const out = data.slice();
  const strides: number[] = [];
  dims.reduce((stride, d, i) => {
    strides[i] = stride;
    return stride * d;
  }, 1);
  const position = dims.map(() => 0);
  let from = 0;
  for (let to = 0; to < out.length; to++) {
    out[to] = data[from]!;
    for (let axis = dims.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++position[axis]! < dims[axis]!) break;
      from -= strides[axis]! * dims[axis]!;
      position[axis] = 0;
    }
  }
  return new Tensor(tensor.dtype, out, dims);
}

function invalid(name: string, why: string, fix?: string): RekindleError {
  return new RekindleError("file-invalid", `${name}: ${why}`, fix === undefined ? {} : { fix });
}
