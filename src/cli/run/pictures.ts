import { RekindleError } from "../../errors.ts";
import type { GraphOutput } from "../../graph/index.ts";
import type { ValueInfo } from "../../session/index.ts";
import { formatShape } from "../../tensor/index.ts";
import type { PictureSpec, Resize } from "../image.ts";
import type { Size } from "../options.ts";
import { imageNet, imageNetGrey, isPictureShape, type Normalization, plain } from "../pixels.ts";
import { describeValue } from "./inputs.ts";

/** What the user says about pictures. */
export interface PictureOptions {
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly resize: Resize;
  readonly size?: Size;
}

/** How pictures become the values of one input. */
export interface Preprocessing {
  readonly input: ValueInfo;
  readonly spec: PictureSpec;
  readonly normalization: Normalization;
  /** One line for the summary. */
  readonly summary: string;
}

const pictureTypes: readonly string[] = ["float32", "float16", "uint8"];

/** Why an input does not take pictures, or true. */
function takesPictures({ dtype, dims }: ValueInfo): true | string {
  if (!pictureTypes.includes(dtype)) return `its type is ${dtype}`;
  if (dims.length !== 4) return `it has ${dims.length} dimensions, pictures have 4: NxCxHxW`;
  const channels = dims[1];
  if (channels === 1 || channels === 3 || typeof channels === "string") return true;
  if (dims[3] === 3 || dims[3] === 1) return "its channels are last (NHWC), NCHW is supported";
  return `it has ${channels} channels, pictures have 1 or 3`;
}

/** The one input among those without a value that takes pictures; throws "usage". */
export function pictureInput(candidates: readonly ValueInfo[]): ValueInfo {
  const found = candidates.filter((input) => takesPictures(input) === true);
  if (found.length === 1) return found[0]!;
  if (found.length > 1) {
    const list = found.map(describeValue).join(" and ");
    throw new RekindleError("usage", `${list} take pictures, --image is for one of them`, {
      fix: `give the others as arrays, as in --input ${found[1]!.name}=x.npy`,
    });
  }
  const reasons = candidates.map((v) => `${describeValue(v)}: ${takesPictures(v)}`).join("; ");
  const what = reasons ? `no input takes pictures: ${reasons}` : "every input has an array already";
  throw new RekindleError("usage", what, { fix: "pass --input NAME=x.npy in place of --image" });
}

/** Decides size, channels and normalization for the input. */
export function preprocessingFor(
  input: ValueInfo,
  outputs: readonly GraphOutput[],
  options: PictureOptions,
): Preprocessing {
  const channels = input.dims[1] === 1 ? 1 : 3;
  const normalization = normalizationFor(input, channels, outputs, options);
  const size = sizeFor(input, options.size);
  const { resize } = options;
  const spec = { channels, resize, ...(size && { size }) } as const;
  const how = size ? `${size.height}x${size.width}, ${resize}` : "own size";
  const values =
    input.dtype === "uint8"
      ? "bytes"
      : `mean ${normalization.mean.join(" ")}, std ${normalization.std.join(" ")}`;
  const summary = `"${input.name}" ${input.dtype}, pictures: ${how}, ${values}`;
  return { input, spec, normalization, summary };
}

/** ImageNet's for networks that classify; values in 0..1 for those that make pictures. */
function normalizationFor(
  input: ValueInfo,
  channels: 1 | 3,
  outputs: readonly GraphOutput[],
  { mean, std }: PictureOptions,
): Normalization {
  if (input.dtype === "uint8" && (mean ?? std)) {
    throw new RekindleError("usage", `--mean and --std do not apply: ${describeValue(input)}`, {
      fix: "leave them out: this network takes the bytes of the picture",
    });
  }
  const makesPictures = outputs.some((o) => isPictureShape(o.dims ?? []));
  const usual = makesPictures ? plain : channels === 1 ? imageNetGrey : imageNet;
  return { mean: mean ?? usual.mean, std: std ?? usual.std };
}

/** Undefined where the picture keeps its own size. */
function sizeFor(input: ValueInfo, wanted: Size | undefined): Size | undefined {
  const [, , h, w] = input.dims;
  const height = typeof h === "number" ? h : wanted?.height;
  const width = typeof w === "number" ? w : wanted?.width;
  if (wanted && (height !== wanted.height || width !== wanted.width)) {
    const fixed = formatShape([h!, w!]);
    const asked = formatShape([wanted.height, wanted.width]);
    throw new RekindleError("usage", `--size ${asked}: the network takes ${fixed} only`, {
      fix: "leave --size out",
    });
  }
  if (height !== undefined && width !== undefined) return { height, width };
  if (height === undefined && width === undefined) return undefined;
  throw new RekindleError("usage", `one side of ${describeValue(input)} is free`, {
    fix: "pass --size HEIGHTxWIDTH",
  });
}
