import { RekindleError } from "../errors.ts";
import type { Graph } from "../graph/index.ts";
import { formatShape, Tensor, type TypedArray } from "../tensor/index.ts";
import { type OpenDevice, openDevice } from "./device.ts";
import { Session } from "./session.ts";
import type { Precision } from "./types.ts";

/** A size for both axes, or for height and width. */
type Pair = number | readonly [number, number];

export interface Conv2dOptions {
  /** `[K]`: added to every output channel. */
  readonly bias?: Tensor;
  /** Default 1. */
  readonly strides?: Pair;
  /** Zeros around the input: for all sides, for height and width, or top, left, bottom, right. */
  readonly pads?: Pair | readonly [number, number, number, number];
  /** Default 1. */
  readonly dilations?: Pair;
  /** The number of groups; default 1. `C` for a depthwise convolution. */
  readonly group?: number;
  /** As in SessionOptions. */
  readonly device?: string;
  readonly precision?: Precision;
}

/** A convolution that stays prepared, with copies of what it was prepared for. */
interface Prepared {
  readonly key: string;
  readonly weights: TypedArray;
  readonly bias: TypedArray | undefined;
  readonly device: string;
  readonly session: Promise<Session>;
  /** Calls that are under way. */
  users: number;
}

/** So many convolutions stay prepared; the one that was used least recently goes first. */
const preparedMax = 16;

/** Least recently used first. */
const prepared: Prepared[] = [];
const devices = new Map<string, Promise<OpenDevice>>();

/**
 * One convolution without a model: `x` `[N, C, H, W]` with `weights` `[K, C / group, R, S]` gives
 * `[N, K, P, Q]`, as ONNX's Conv and PyTorch's `conv2d` do. The device stays open and the
 * convolution prepared for further calls with equal weights and shapes; `closeDevices` frees both.
 *
 * Throws "input-shape" and "input-dtype" where the tensors do not fit together, and what
 * `Session.create` and `Session.run` throw.
 *
 * @example
 * const x = Tensor.from("float32", [1, 2, 3, 4], [1, 1, 2, 2]);
 * const weights = Tensor.from("float32", [10], [1, 1, 1, 1]);
 * const y = await conv2d(x, weights); // 10, 20, 30, 40
 */
export async function conv2d(
  x: Tensor,
  weights: Tensor,
  options: Conv2dOptions = {},
): Promise<Tensor> {
  checkTensors(x, weights, options.bias);
  const entry = find(x, weights, options) ?? prepare(x, weights, options);
  entry.users++;
  try {
    const { y } = await (await entry.session).run({ x });
    return y!;
  } catch (error) {
    throw await failure(entry, error);
  } finally {
    entry.users--;
  }
}

/** Drops what an error has made useless, and says the error in terms of `conv2d`. */
async function failure(entry: Prepared, error: unknown): Promise<unknown> {
  if (!(error instanceof RekindleError)) return error;
  if (error.code === "device-lost") {
    devices.delete(entry.device);
    await Promise.all(prepared.filter((p) => p.device === entry.device).map(forget));
  }
  await forget(entry);
  if (error.code !== "model-invalid") return error;
  const what = error.message.replace('node "conv2d" (Conv): ', "");
  return new RekindleError("input-shape", `conv2d: ${what}`, { cause: error });
}

/** Frees everything that `conv2d` keeps: its devices, and its convolutions with their weights. */
export async function closeDevices(): Promise<void> {
  await Promise.all([...prepared].map(forget));
  const open = [...devices.values()];
  devices.clear();
  for (const device of await Promise.allSettled(open)) {
    if (device.status === "fulfilled") device.value.gpu?.destroy();
  }
}

function find(x: Tensor, weights: Tensor, options: Conv2dOptions): Prepared | undefined {
  const key = keyOf(x, weights, options);
  // Compared by content: a caller may have changed the numbers in place.
  const at = prepared.findIndex(
    (p) =>
      p.key === key && sameData(p.weights, weights.data) && sameData(p.bias, options.bias?.data),
  );
  if (at < 0) return undefined;
  const [entry] = prepared.splice(at, 1);
  prepared.push(entry!);
  return entry;
}

function prepare(x: Tensor, weights: Tensor, options: Conv2dOptions): Prepared {
  const device = options.device ?? "";
  const constants = new Map([["weights", copyOf(weights)]]);
  if (options.bias) constants.set("bias", copyOf(options.bias));
  const graph = graphOf(x, constants, options);
  const entry: Prepared = {
    key: keyOf(x, weights, options),
    weights: constants.get("weights")!.data,
    bias: constants.get("bias")?.data,
    device,
    session: createSession(graph, device, options.precision ?? "f32"),
    users: 0,
  };
  prepared.push(entry);
  const idle = prepared.find((p) => p !== entry && p.users === 0);
  if (prepared.length > preparedMax && idle) void forget(idle);
  return entry;
}

async function createSession(graph: Graph, device: string, precision: Precision) {
  return Session.on(await sharedDevice(device), graph, { precision }, { keepOpen: true });
}

/** Opens each device once. */
function sharedDevice(wanted: string): Promise<OpenDevice> {
  const known = devices.get(wanted);
  if (known) return known;
  const opened = openDevice(wanted || undefined);
  devices.set(wanted, opened);
  opened.catch(() => devices.delete(wanted));
  return opened;
}

/** Drops a prepared convolution once its runs are done; one that failed is gone already. */
async function forget(entry: Prepared): Promise<void> {
  const at = prepared.indexOf(entry);
  if (at >= 0) prepared.splice(at, 1);
  const session = await entry.session.catch(() => undefined);
  await session?.dispose();
}

function graphOf(x: Tensor, constants: ReadonlyMap<string, Tensor>, options: Conv2dOptions): Graph {
  const { strides = 1, dilations = 1, pads = 0, group = 1 } = options;
  const attributes = {
    strides: list("strides", pair(strides), 1),
    dilations: list("dilations", pair(dilations), 1),
    pads: list("pads", sides(pads), 0),
    group: list("group", [group], 1)[0]!,
  };
  const inputs = ["x", ...constants.keys()];
  return {
    name: "conv2d",
    inputs: [{ name: "x", dtype: x.dtype, dims: x.dims }],
    outputs: [{ name: "y" }],
    nodes: [{ name: "conv2d", op: "Conv", inputs, outputs: ["y"], attributes }],
    constants,
  };
}

/** The numbers, after a check that each is whole and large enough. */
function list(name: string, values: readonly number[], least: number): readonly number[] {
  const wrong = values.find((v) => !Number.isSafeInteger(v) || v < least);
  if (wrong === undefined) return values;
  throw new RekindleError("usage", `conv2d: ${name} cannot be ${wrong}`, {
    fix: `give whole numbers of ${least} or more`,
  });
}

function copyOf({ dtype, data, dims }: Tensor): Tensor {
  return new Tensor(dtype, data.slice(), dims);
}

function pair(value: Pair): readonly number[] {
  return typeof value === "number" ? [value, value] : value;
}

function sides(pads: Conv2dOptions["pads"] & {}): readonly number[] {
  const given = typeof pads === "number" ? [pads, pads] : pads;
  return given.length === 2 ? [...given, ...given] : given;
}

function keyOf(x: Tensor, weights: Tensor, options: Conv2dOptions): string {
  const { bias, ...rest } = options;
  return JSON.stringify([x.dtype, x.dims, weights.dims, bias?.dims, Object.entries(rest).sort()]);
}

function sameData(a: TypedArray | undefined, b: TypedArray | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}

function checkTensors(x: Tensor, weights: Tensor, bias: Tensor | undefined): void {
  for (const [name, tensor, rank] of [
    ["x", x, 4],
    ["weights", weights, 4],
    ["bias", bias, 1],
  ] as const) {
    if (!tensor) continue;
    if (tensor.dims.length !== rank) {
      const what = `${name} is ${tensor.dims.length}-D (${formatShape(tensor.dims)})`;
      throw new RekindleError("input-shape", `conv2d: ${what}, it must be ${rank}-D`);
    }
    if (tensor.dtype !== x.dtype) {
      const what = `${name} is ${tensor.dtype}, x is ${x.dtype}`;
      throw new RekindleError("input-dtype", `conv2d: ${what}`, {
        fix: `convert it: tensor.cast("${x.dtype}")`,
      });
    }
  }
}
