import { RekindleError } from "../errors.ts";
import type { DecodedModel } from "./decode.ts";
import { Names } from "./names.ts";
import type { AttributeProto, FunctionProto, NodeProto, OperatorSetIdProto } from "./onnx_pb.ts";

/** A node as the file has it, but with names that are valid in the whole graph. */
export interface RawNode {
  readonly name: string;
  readonly op: string;
  /** "" for ONNX's own operators. */
  readonly domain: string;
  /** The version of ONNX's operators that the node follows; undefined where none is declared. */
  readonly opset: number | undefined;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly AttributeProto[];
}

/** Functions that call functions that call functions can make a small file endless. */
const unfoldedMax = 100_000;
const depthMax = 100;

/**
 * The nodes of a model's graph, with calls of functions that the model itself defines replaced by
 * their bodies (as ONNX's specification says under "Functions").
 */
export function flattenNodes(model: DecodedModel): RawNode[] {
  return new Flattener(model).nodes;
}

class Flattener {
  readonly nodes: RawNode[] = [];
  readonly #functions: ReadonlyMap<string, FunctionProto>;
  readonly #values: Names;
  readonly #nodeNames = new Names();
  readonly #open = new Set<FunctionProto>();
  #unfolded = 0;

  constructor(model: DecodedModel) {
    const { graph } = model;
    this.#functions = new Map(
      model.functions.map((f) => [keyOf(f.domain, f.name, f.overload), f] as const),
    );
    this.#values = new Names([
      ...graph.input.map((v) => v.name),
      ...graph.initializer.map((t) => t.name),
      ...graph.node.flatMap((n) => n.output),
    ]);
    const opset = opsetOf(model.opsetImport);
    for (const node of graph.node) this.#add(node, opset, (name) => name, node.attribute);
  }

  #add(
    node: NodeProto,
    opset: number | undefined,
    rename: (name: string) => string,
    attributes: readonly AttributeProto[],
  ): void {
    const name = this.#nodeNames.fresh(node.name || `${node.opType}_${this.nodes.length}`);
    const raw: RawNode = {
      name,
      op: node.opType,
      domain: node.domain === "ai.onnx" ? "" : node.domain,
      opset,
      inputs: node.input.map(rename),
      outputs: node.output.map(rename),
      attributes,
    };
    const body = this.#functions.get(keyOf(node.domain, node.opType, node.overload));
    if (body) this.#inline(raw, body);
    else this.nodes.push(raw);
  }

  #inline(call: RawNode, body: FunctionProto): void {
    if (this.#open.has(body)) {
      throw new RekindleError("model-invalid", `the function "${body.name}" calls itself`);
    }
    this.#unfolded += body.node.length;
    if (this.#unfolded > unfoldedMax || this.#open.size === depthMax) {
      throw new RekindleError(
        "model-invalid",
        `the model's functions unfold to over ${unfoldedMax} nodes or ${depthMax} levels`,
      );
    }
    this.#open.add(body);
    const renamed = new Map([["", ""]]);
    body.input.forEach((formal, i) => void renamed.set(formal, call.inputs[i] ?? ""));
    body.output.forEach((formal, i) => {
      if (call.outputs[i]) renamed.set(formal, call.outputs[i]);
    });
    const rename = (name: string) => {
      const known = renamed.get(name);
      if (known !== undefined) return known;
      const fresh = this.#values.fresh(`${call.name}/${name}`);
      renamed.set(name, fresh);
      return fresh;
    };
    const given = new Map(body.attributeProto.map((a) => [a.name, a]));
    for (const attribute of call.attributes) given.set(attribute.name, attribute);
    const opset = opsetOf(body.opsetImport) ?? call.opset;
    for (const node of body.node) {
      this.#add(
        node,
        opset,
        rename,
        node.attribute.flatMap((a) => bind(a, given)),
      );
    }
    this.#open.delete(body);
  }
}

/** An attribute in a function's body: its own value, or the caller's where it refers to one. */
function bind(
  attribute: AttributeProto,
  given: ReadonlyMap<string, AttributeProto>,
): AttributeProto[] {
  if (attribute.refAttrName === "") return [attribute];
  const value = given.get(attribute.refAttrName);
  return value ? [{ ...value, name: attribute.name }] : [];
}

function keyOf(domain: string, name: string, overload: string): string {
  return JSON.stringify([domain === "ai.onnx" ? "" : domain, name, overload]);
}

/** The declared version of ONNX's own operators. */
function opsetOf(imports: readonly OperatorSetIdProto[]): number | undefined {
  const own = imports.find(({ domain }) => domain === "" || domain === "ai.onnx");
  return own && Number(own.version);
}
