import * as activations from "./activations.ts";
import type { Op } from "./define.ts";

const all: readonly Op[] = [...Object.values(activations)];

/** Every operator by its ONNX name. */
export const ops: ReadonlyMap<string, Op> = new Map(all.map((op) => [op.name, op]));
