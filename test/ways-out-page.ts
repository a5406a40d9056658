import type { Remedy, RemedyOption, Want } from "../src/remedies/index.ts";
import { wants } from "../src/remedies/index.ts";
import { timeText } from "../src/remedies/plan-report.ts";

/** The text of docs/ways-out.md: every remedy of the catalogue. */
export function waysOutPage(remedies: readonly Remedy[]): string {
  const kinds = Object.entries(meanings) as [Remedy["kind"], string][];
  const sections = kinds.map(([kind, meaning]) => {
    const chosen = remedies.filter((remedy) => remedy.kind === kind);
    return `## ${titles[kind]}\n\n${meaning}\n\n${chosen.map(section).join("\n")}`;
  });
  return `# Ways out

Made from the catalogue (src/remedies/catalog) by
\`npx vitest run --project plain test/ways-out-page.test.ts --update\`; a test checks that it is up
to date. \`rekindle plan\` ranks them for a machine, \`rekindle fix NAME\` shows what one would do
(\`--yes\` does it, \`--set OPTION=VALUE\` chooses), \`rekindle undo\` takes it back:
[remedies.md](remedies.md).

How well something is established: *confirmed* was read in source code or said by the makers,
*reported* comes from users, *inferred* is our conclusion, which nobody has reported. Times,
downloads and disk are estimates for a usual desktop. Words in braces are facts of the machine.

| what for | well | slowly | partly |
|---|---|---|---|
${wants.map((want) => wantRow(want, remedies)).join("\n")}

${sections.join("\n")}`;
}

const titles: Record<Remedy["kind"], string> = {
  "clean-up": "Clean-ups",
  way: "Ways to compute",
  expert: "By name alone",
};

const meanings: Record<Remedy["kind"], string> = {
  "clean-up": "They take away what earlier attempts left, and come before any way.",
  way: "One of them is recommended, by the machine and by what it is for.",
  expert: "Done, or shown, when asked for: they are not ranked.",
};

const wantNames: Record<Want, string> = {
  train: "training",
  infer: "running networks",
  comfyui: "ComfyUI",
  llm: "language models",
};

function wantRow(want: Want, remedies: readonly Remedy[]): string {
  const cell = (service: string) =>
    remedies
      .filter((remedy) => remedy.kind === "way" && remedy.serves[want] === service)
      .map(({ id }) => `\`${id}\``)
      .join(", ");
  return `| ${wantNames[want]} | ${["well", "slowly", "partly"].map(cell).join(" | ")} |`;
}

function section(remedy: Remedy): string {
  const { id, title, gives, evidence, certainty, requires, changes, risks, options, byHand } =
    remedy;
  const facts = [
    `Gives: ${gives}.`,
    `${certainty[0]!.toUpperCase()}${certainty.slice(1)}: ${evidence}.`,
    `Takes: ${costText(remedy)}.`,
    ...changes.map((text) => `Changes: ${text}`),
    ...risks.map((text) => `Can go wrong: ${text}`),
    ...requires.map(({ otherwise }) => `Not where ${plain(otherwise)}.`),
    `16-bit floats: ${remedy.fp16}.`,
    `Sources: ${remedy.sources.map(sourceText).join("; ")}.`,
  ];
  const by = byHand ? `\nBy hand:\n\n${numbered(byHand)}` : "";
  const table = options ? `\n${optionTable(options)}` : "";
  return `### ${id}\n\n${title}.\n\n${facts.map(bullet).join("")}${table}${by}`;
}

function costText({ cost }: Remedy): string {
  const view = { facts: { version: 1 as const }, at: {} };
  const known = cost(view);
  const { downloadBytes, diskBytes, diskBytesMax, memoryBytes, root, restart } = known;
  const size = (bytes: number) =>
    bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${Math.round(bytes / 1e9)} GB`;
  return [
    timeText(known),
    ...(downloadBytes > 0 ? [`${size(downloadBytes)} to download`] : []),
    ...(diskBytes > 0 ? [`${size(diskBytes)} of disk`] : []),
    ...(diskBytesMax ? [`${size(diskBytesMax)} on the way`] : []),
    ...(memoryBytes ? [`${size(memoryBytes)} of memory`] : []),
    root ? "root" : "no root",
    ...(restart ? ["a restart"] : []),
  ].join(", ");
}

/** A thread or an address as a link; a repository or a file of ours as it is. */
function sourceText({ title, at, date }: Remedy["sources"][number]): string {
  const thread = /^([\w.-]+\/[\w.-]+)#(\d+)$/.exec(at);
  if (thread) return `[${title}](https://github.com/${thread[1]}/issues/${thread[2]}) (${date})`;
  return at.startsWith("https://") ? `[${title}](${at}) (${date})` : `${title}, ${at} (${date})`;
}

function optionTable(options: readonly RemedyOption[]): string {
  const rows = options.map(({ name, meaning, otherwise, values }) => {
    const shown = values?.filter((value) => value !== "").map((value) => `\`${value}\``);
    const chosen = otherwise === "" ? "" : `\`${otherwise}\``;
    return `| \`${name}\` | ${meaning} | ${chosen} | ${shown?.join(", ") ?? ""} |`;
  });
  return `| option | meaning | otherwise | values |\n|---|---|---|---|\n${rows.join("\n")}\n`;
}

/** A template without what stands in for facts that are not known. */
const plain = (template: string) => template.replace(/\{([\w.]+)\|[^{}]*\}/g, "{$1}");
const bullet = (text: string) => `${wrapped(text, "- ", "  ")}\n`;
const numbered = (lines: readonly string[]) =>
  lines.map((text, i) => `${wrapped(text, `${i + 1}. `, "   ")}\n`).join("");

/** Lines of at most 100 columns, as the other pages have. */
function wrapped(text: string, first: string, indent: string): string {
  const lines = [first.trimEnd()];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line.length + 1 + word.length > 100 && line.trim() !== first.trim())
      lines.push(`${indent}${word}`);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines.join("\n");
}
