export { type ErrorCode, RekindleError } from "./errors.ts";
export { type AdapterInfo, type AdapterReport, listAdapters } from "./gpu/adapters.ts";
export type { Graph, GraphInput, GraphOutput, Node } from "./graph/index.ts";
export {
  type Conv2dOptions,
  closeDevices,
  conv2d,
  type DeviceSummary,
  DeviceTensor,
  type Feeds,
  type Model,
  type OpenDevice,
  openDevice,
  type Precision,
  type Progress,
  Session,
  type SessionOptions,
  type SessionStats,
  type ValueInfo,
} from "./session/index.ts";
export { type DType, dtypes, type Shape, Tensor, type TypedArray } from "./tensor/index.ts";
export type { DeviceTunings, Tuning, Tunings } from "./tunings/tuning.ts";
