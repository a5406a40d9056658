import * as activations from "./activations.ts";
import * as argMax from "./arg-max.ts";
import * as arithmetic from "./arithmetic.ts";
import * as batchNormalization from "./batch-normalization.ts";
import * as cast from "./cast.ts";
import * as concat from "./concat.ts";
import * as convolution from "./conv.ts";
import * as convolutionGradient from "./conv-grad-weight.ts";
import * as transposedConvolution from "./conv-transpose.ts";
import type { Op } from "./define.ts";
import * as depthSpace from "./depth-space.ts";
import * as expand from "./expand.ts";
import * as gather from "./gather.ts";
import * as globalPools from "./global-pool.ts";
import * as identity from "./identity.ts";
import * as instanceNormalization from "./instance-normalization.ts";
import * as layerNormalization from "./layer-normalization.ts";
import * as logic from "./logic.ts";
import * as lrn from "./lrn.ts";
import * as math from "./math.ts";
import * as products from "./matmul.ts";
import * as pad from "./pad.ts";
import * as pools from "./pool.ts";
import * as reductions from "./reduce.ts";
import * as resize from "./resize.ts";
import * as separableConvolution from "./separable-conv.ts";
import * as shapes from "./shapes.ts";
import * as sigmoids from "./sigmoids.ts";
import * as slice from "./slice.ts";
import * as softmax from "./softmax.ts";
import * as split from "./split.ts";
import * as transpose from "./transpose.ts";
import * as views from "./views.ts";

const all: readonly Op[] = [
  ...Object.values(activations),
  ...Object.values(argMax),
  ...Object.values(arithmetic),
  ...Object.values(globalPools),
  ...Object.values(lrn),
  ...Object.values(batchNormalization),
  ...Object.values(instanceNormalization),
  ...Object.values(layerNormalization),
  ...Object.values(softmax),
  ...Object.values(reductions),
  ...Object.values(cast),
  ...Object.values(identity),
  ...Object.values(logic),
  ...Object.values(math),
  ...Object.values(sigmoids),
  ...Object.values(convolution),
  ...Object.values(transposedConvolution),
  ...Object.values(convolutionGradient),
  ...Object.values(separableConvolution),
  ...Object.values(products),
  ...Object.values(pools),
  ...Object.values(concat),
  ...Object.values(depthSpace),
  ...Object.values(expand),
  ...Object.values(gather),
  ...Object.values(pad),
  ...Object.values(resize),
  ...Object.values(shapes),
  ...Object.values(slice),
  ...Object.values(split),
  ...Object.values(transpose),
  ...Object.values(views),
];

/** Every operator by its ONNX name. */
export const ops: ReadonlyMap<string, Op> = new Map(all.map((op) => [op.name, op]));
