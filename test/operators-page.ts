import type { Op } from "../src/ops/define.ts";

/** The text of docs/operators.md: what is supported, from the registry. */
export function operatorsPage(all: readonly Op[]): string {
  const sorted = [...all].sort((a, b) => a.name.localeCompare(b.name));
  const rows = sorted.map((op) =>
    row(op.name, op.opsets.join(", "), attributesOf(op), placeOf(op), op.summary),
  );
  return `# Operators

Made from the registry (src/ops) by \`npm run docs:operators\`; a test checks that it is up to date.

Models of opset 7 and later are read; older forms are brought to the newest one, whose attributes
are listed here with their defaults. "GPU" names the kernels in order of preference, the first that
supports a node being taken. "planning" operators work on shapes: they are computed on the CPU when
the session is created, and so their inputs must be known by then.

| operator | opsets | attributes | computed | what it does |
|---|---|---|---|---|
${rows.join("\n")}
`;
}

function row(...cells: readonly string[]): string {
  return `| ${cells.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
}

function attributesOf(op: Op): string {
  const named = Object.entries(op.attributes).map(([name, spec]) => {
    const read = spec.read(undefined);
    if ("problem" in read) return `${name} (required)`;
    return read.value === null ? name : `${name} = ${JSON.stringify(read.value)}`;
  });
  return named.map((text) => `\`${text}\``).join(", ") || "none";
}

function placeOf(op: Op): string {
  if (op.traits.isView) return "no work: the same memory under another shape";
  if (op.kernels.length === 0) return "planning";
  return `GPU: ${op.kernels.map((kernel) => kernel.name).join(", ")}`;
}
