import { RekindleError } from "../errors.ts";

/** What ordering needs to know of a node. */
interface Step {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/**
 * The nodes in an order in which every value is computed before it is read; nodes that are in
 * order already stay where they are. Throws "model-invalid", naming all culprits of a kind, where
 * a value has two sources or none, or where nodes need each other.
 */
export function orderNodes<N extends Step>(
  nodes: readonly N[],
  given: readonly string[],
  wanted: readonly string[],
): N[] {
  const producer = producers(nodes, given);
  checkReads(nodes, producer, wanted);
  const ordered: N[] = [];
  const state = new Map<N, "open" | "done">();
  for (const root of nodes) visit(root);
  return ordered;

  // Depth first with a stack of our own: a chain of 100,000 nodes must not exhaust the engine's.
  function visit(root: N): void {
    const stack = [{ node: root, next: 0 }];
    while (stack.length > 0) {
      const top = stack[stack.length - 1]!;
      if (top.next === 0) {
        if (state.has(top.node)) {
          stack.pop();
          continue;
        }
        state.set(top.node, "open");
      }
      if (top.next === top.node.inputs.length) {
        state.set(top.node, "done");
        ordered.push(top.node);
        stack.pop();
        continue;
      }
      const source = producer.get(top.node.inputs[top.next++]!);
      if (!source || state.get(source) === "done") continue;
      if (state.get(source) === "open")
        throw cycle(
          stack.map((s) => s.node),
          source,
        );
      stack.push({ node: source, next: 0 });
    }
  }
}

/** Maps each value to its node, or to undefined where it is given. */
function producers<N extends Step>(
  nodes: readonly N[],
  given: readonly string[],
): Map<string, N | undefined> {
  const producer = new Map<string, N | undefined>();
  const twice = new Set<string>();
  const add = (name: string, node?: N) => {
    if (producer.has(name)) twice.add(name);
    producer.set(name, node);
  };
  for (const name of given) add(name);
  for (const node of nodes) for (const name of node.outputs) if (name !== "") add(name, node);
  if (twice.size === 0) return producer;
  throw new RekindleError("model-invalid", `defined more than once: ${list([...twice])}`);
}

function checkReads(
  nodes: readonly Step[],
  producer: ReadonlyMap<string, unknown>,
  wanted: readonly string[],
): void {
  const missing = nodes.flatMap(({ name, op, inputs }) =>
    inputs
      .filter((input) => input !== "" && !producer.has(input))
      .map((input) => `"${input}", read by node "${name}" (${op})`),
  );
  missing.push(...wanted.filter((name) => !producer.has(name)).map((name) => `output "${name}"`));
  if (missing.length === 0) return;
  throw new RekindleError(
    "model-invalid",
    `computed by no node: ${list(missing, (text) => text)}`,
    {
      fix: "the file may be damaged, or cut out of a larger model: export it again",
    },
  );
}

function cycle(path: readonly Step[], start: Step): RekindleError {
  const names = path.slice(path.indexOf(start)).map((node) => node.name);
  return new RekindleError("model-invalid", `these nodes need each other: ${list(names)}`);
}

/** The first few of `items`, and how many more there are. */
export function list(items: readonly string[], show = (item: string) => `"${item}"`): string {
  const most = 5;
  const shown = items.slice(0, most).map(show).join(", ");
  return items.length > most ? `${shown} and ${items.length - most} more` : shown;
}
