import { z } from "zod";
import { dtypes } from "../tensor/index.ts";

/** Raised whenever a message changes its meaning; both sides must agree. */
export const protocolVersion = 1;

const size = z.int().min(0);
const dims = z.array(size).max(16);

/** Where a tensor lies in the shared memory: dense, row-major, from byte `at` on. */
const placedTensor = z.object({ name: z.string(), dtype: z.enum(dtypes), dims, at: size });

export type PlacedTensor = z.infer<typeof placedTensor>;

const attribute = z.union([z.number(), z.string(), z.array(z.number())]);

/** A small graph without constants, as PyTorch's side describes a few operators. */
const describedGraph = z.object({
  inputs: z.array(z.object({ name: z.string(), dtype: z.enum(dtypes), dims })),
  outputs: z.array(z.string()),
  nodes: z.array(
    z.object({
      op: z.string(),
      inputs: z.array(z.string()),
      outputs: z.array(z.string()),
      attributes: z.record(z.string(), attribute),
    }),
  ),
});

export type DescribedGraph = z.infer<typeof describedGraph>;

const request = z.discriminatedUnion("do", [
  z.object({ id: size, do: z.literal("hello") }),
  z.object({ id: size, do: z.literal("device"), device: z.string() }),
  z.object({
    id: size,
    do: z.literal("load"),
    model: size,
    /** An ONNX file, or a graph in this message. */
    source: z.union([z.object({ path: z.string() }), z.object({ graph: describedGraph })]),
    /** The file through which the model's tensors travel. */
    memory: z.string(),
    device: z.string(),
    precision: z.enum(["f32", "f16", "f16acc32"]),
  }),
  z.object({
    id: size,
    do: z.literal("run"),
    model: size,
    inputs: z.array(placedTensor),
    /** Outputs are written from this byte on. */
    outputsAt: size,
  }),
  z.object({ id: size, do: z.literal("unload"), model: size }),
]);

export type Request = z.infer<typeof request>;
export type RequestOf<K extends Request["do"]> = Extract<Request, { do: K }>;

/** The request that a message is, or a sentence that says why it is none. */
export function readRequest(message: unknown): Request | string {
  const read = request.safeParse(message);
  return read.success ? read.data : z.prettifyError(read.error).replaceAll(/\s*\n\s*/g, " ");
}
