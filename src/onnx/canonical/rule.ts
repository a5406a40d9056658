import { RekindleError } from "../../errors.ts";
import type { Attributes, Node } from "../../graph/index.ts";
import type { Tensor } from "../../tensor/index.ts";

/** What a rule may ask and add. */
export interface RuleContext {
  /** The version of ONNX's operators that the node was written for. */
  readonly opset: number;
  /** The value of an initializer or of an earlier Constant node. */
  constant(name: string): Tensor | undefined;
  /** Adds a constant under a name like `base`, and returns its name. */
  addConstant(base: string, tensor: Tensor): string;
  /** Adds a constant under exactly this name: the output of a node that goes away. */
  define(name: string, tensor: Tensor): void;
  /** A value name like `base` that nothing has yet. */
  fresh(base: string): string;
  /** The number of dimensions of a value, where the file says it. */
  rank(name: string): number | undefined;
  /** Whether any node or graph output reads a value. */
  isRead(name: string): boolean;
}

/**
 * Brings a node to the canonical form: returns the nodes that stand for it. It has a first input
 * and a first output. Throws `unsupported` where there is no such form.
 */
export type Rule = (node: Node, context: RuleContext) => readonly Node[];

/** The error that a rule throws: one sentence of reason, and what to do. */
export function unsupported(reason: string, fix?: string): RekindleError {
  return new RekindleError("model-unsupported", reason, fix === undefined ? {} : { fix });
}

/** The attributes without those named. */
export function without(attributes: Attributes, ...names: readonly string[]): Attributes {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => !names.includes(name)));
}

/** The names with "" where the list ends early, so that it has `length` entries. */
export function padded(names: readonly string[], length: number): string[] {
  return Array.from({ length: Math.max(length, names.length) }, (_, i) => names[i] ?? "");
}
