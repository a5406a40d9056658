import { type Case, type CaseDType, type ConvCase, convCase, type NetworkCase } from "./case.ts";
import type { Risk } from "./experiment.ts";

/** A row of the matrix. */
export interface Row {
  /** Without the target: "conv/stride-2". */
  readonly id: string;
  readonly proves: string;
  /** On a card whose software does not suit it. */
  readonly risk: Risk;
  readonly case: Case;
  /** The engine and ONNX Runtime can do it too: no gradients, no training. */
  readonly inference: boolean;
}

const types: readonly CaseDType[] = ["float32", "float16", "bfloat16"];
const short: Readonly<Record<CaseDType, string>> = {
  float32: "f32",
  float16: "f16",
  bfloat16: "bf16",
};

function row(id: string, proves: string, one: Case, risk: Risk = "crash"): Row {
  const trains = one.backward === true || (one.task === "network" && one.steps > 0);
  const torchOnly =
    trains ||
    one.dtype === "bfloat16" ||
    (one.task === "batch-norm" && one.training) ||
    (one.task === "conv" && one.channelsLast) ||
    one.task === "copy" ||
    one.task === "create" ||
    one.task === "select" ||
    one.task === "compile";
  return { id, proves, risk, case: one, inference: !torchOnly };
}

const conv = (id: string, proves: string, differences: Partial<ConvCase> = {}): Row =>
  row(`conv/${id}`, proves, convCase(differences));

const tiny = { batch: 1, channels: 1, filters: 1, size: [8, 8], bias: false } as const;
const nhwc = { channelsLast: true } as const;
const backward = { backward: true } as const;

const tensors: readonly Row[] = [
  row("device", "the device is found and answers", { task: "device", dtype: "float32" }),
  row("create", "tensors can be made on the device", { task: "create", dtype: "float32" }),
  row("copy", "copies to the device and back keep every bit", { task: "copy", dtype: "float32" }),
  ...types.flatMap((dtype) => [
    row(`elementwise/${short[dtype]}`, `pointwise functions are right in ${dtype}`, {
      task: "elementwise",
      dtype,
    }),
    row(`reduce/${short[dtype]}`, `sums, means and maxima are right in ${dtype}`, {
      task: "reduce",
      dtype,
    }),
    row(`matmul/${short[dtype]}`, `matrix products are right in ${dtype}`, {
      task: "matmul",
      dtype,
    }),
  ]),
  row("select", "nonzero, unique and sort are right", { task: "select", dtype: "float32" }),
];

const convolutions: readonly Row[] = [
  conv("minimal", "the smallest Conv2d runs and is right", tiny),
  conv("usual", "a usual 3x3 Conv2d is right"),
  conv("large", "a Conv2d as in a real network is right", {
    channels: 64,
    filters: 64,
    size: [56, 56],
  }),
  conv("channels-last", "a Conv2d in channels_last memory format is right", nhwc),
  ...types.slice(1).flatMap((dtype) => [
    conv(short[dtype], `Conv2d is right in ${dtype}`, { dtype }),
    conv(`${short[dtype]}-channels-last`, `Conv2d is right in ${dtype} and channels_last`, {
      dtype,
      ...nhwc,
    }),
  ]),
  ...[1, 5, 7].map((k) =>
    conv(`kernel-${k}`, `a ${k}x${k} kernel is right`, { kernel: [k, k], padding: (k - 1) / 2 }),
  ),
  conv("kernel-1x7", "a kernel of 1 x 7 is right", { kernel: [1, 7], padding: 0 }),
  conv("stride-2", "stride 2 is right", { stride: 2 }),
  conv("dilation-2", "dilation 2 is right", { dilation: 2, padding: 2 }),
  conv("groups-4", "groups are right", { groups: 4 }),
  conv("depthwise", "a depthwise convolution is right", { groups: 16, filters: 16 }),
  conv("transposed", "a transposed convolution is right", {
    transposed: true,
    stride: 2,
    kernel: [4, 4],
  }),
  conv("no-bias", "Conv2d without bias is right", { bias: false }),
  conv("no-padding", "Conv2d without padding is right", { padding: 0 }),
  conv("batch-1", "a batch of 1 is right", { batch: 1 }),
  conv("batch-16", "a batch of 16 is right", { batch: 16 }),
  conv("odd-channels", "channels that are no multiple of 4 are right", {
    channels: 13,
    filters: 17,
  }),
  conv("first-layer", "a first layer, 3 channels and 7x7 with stride 2, is right", {
    channels: 3,
    filters: 64,
    size: [64, 64],
    kernel: [7, 7],
    stride: 2,
    padding: 3,
  }),
];

const gradients: readonly Row[] = [
  conv("backward", "gradients of Conv2d are right", backward),
  conv("backward-channels-last", "gradients of Conv2d in channels_last are right", {
    ...backward,
    ...nhwc,
  }),
  conv("backward-f16", "gradients of Conv2d in float16 are right", {
    ...backward,
    dtype: "float16",
  }),
  conv("backward-bf16", "gradients of Conv2d in bfloat16 are right", {
    ...backward,
    dtype: "bfloat16",
  }),
  conv("backward-kernel-1", "gradients of a 1x1 kernel are right", {
    ...backward,
    kernel: [1, 1],
    padding: 0,
  }),
  conv("backward-stride-2", "gradients with stride 2 are right", { ...backward, stride: 2 }),
  conv("backward-depthwise", "gradients of a depthwise convolution are right", {
    ...backward,
    groups: 16,
    filters: 16,
  }),
  conv("backward-transposed", "gradients of a transposed convolution are right", {
    ...backward,
    transposed: true,
    stride: 2,
    kernel: [4, 4],
  }),
];

const layers: readonly Row[] = [
  row("batch-norm/eval", "BatchNorm with stored statistics is right", {
    task: "batch-norm",
    training: false,
    dtype: "float32",
  }),
  row("batch-norm/train", "BatchNorm in training mode is right", {
    task: "batch-norm",
    training: true,
    dtype: "float32",
  }),
  row("batch-norm/train-backward", "gradients of BatchNorm in training mode are right", {
    task: "batch-norm",
    training: true,
    dtype: "float32",
    backward: true,
  }),
  row("batch-norm/train-f16", "BatchNorm in training mode is right in float16", {
    task: "batch-norm",
    training: true,
    dtype: "float16",
  }),
  ...(["max", "average", "global"] as const).map((kind) =>
    row(`pool/${kind}`, `${kind} pooling is right`, { task: "pool", kind, dtype: "float32" }),
  ),
  row("pool/max-backward", "gradients of max pooling are right", {
    task: "pool",
    kind: "max",
    dtype: "float32",
    backward: true,
  }),
];

function network(
  id: string,
  name: string,
  proves: string,
  differences: Partial<NetworkCase> = {},
): Row {
  const one: NetworkCase = {
    task: "network",
    network: name,
    imageSize: 64,
    batch: 2,
    steps: 0,
    dtype: "float32",
    ...differences,
  };
  // Networks load the whole card: what hangs at full load hangs here.
  return row(`network/${id}`, proves, one, "hang");
}

const networks: readonly Row[] = [
  network("small", "small", "a small network is right", { imageSize: 32 }),
  network("small-f16", "small", "a small network is right in float16", {
    imageSize: 32,
    dtype: "float16",
  }),
  network("small-training", "small", "three steps of training a small network are right", {
    imageSize: 32,
    steps: 3,
  }),
  network("resnet18", "resnet18", "ResNet-18 is right"),
  network("resnet18-training", "resnet18", "two training steps of ResNet-18 are right", {
    steps: 2,
    batch: 4,
  }),
  network("vgg11", "vgg11", "VGG-11 is right", { imageSize: 32 }),
  network("vgg11-training", "vgg11", "two training steps of VGG-11 are right", {
    imageSize: 32,
    steps: 2,
  }),
];

const compiled: readonly Row[] = [
  row("compile", "torch.compile gives right results", { task: "compile", dtype: "float32" }),
];

/** From the simplest on: what fails first says most. */
export const matrix: readonly Row[] = [
  ...tensors,
  ...convolutions,
  ...gradients,
  ...layers,
  ...compiled,
  ...networks,
];
