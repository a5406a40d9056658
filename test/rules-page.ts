import type { Rule, Severity } from "../src/doctor/rule.ts";
import { verdictOf } from "../src/doctor/verdict.ts";
import type { Machine } from "./machines.ts";

/** The text of docs/rules.md: the doctor's rules and the machines that they are tested on. */
export function rulesPage(rules: readonly Rule[], machines: readonly Machine[]): string {
  const severities = Object.entries(meanings) as [Severity, string][];
  const sections = severities.map(([severity, meaning]) => {
    const rows = rules.filter((rule) => rule.severity === severity).map(ruleRow);
    return `## ${severity}\n\n${meaning}\n\n${ruleHead}\n${rows.join("\n")}\n`;
  });
  return `# Rules of the doctor

Made from the registry (src/doctor/rules) and the recorded machines (fixtures/machines) by
\`npx vitest run --project plain test/rules-page.test.ts --update\`; a test checks that it is up to
date. \`rekindle doctor --explain RULE\` prints one of them with the facts of this machine.

A rule answers yes, no or unknown. Unknown means that a fact is missing: the doctor then says which,
and the command that would tell. Words in braces are facts of the machine. How well a rule is
established: *confirmed* was read in source code or said by the makers, *reported* comes from users,
*inferred* is our conclusion, which nobody has reported.

${sections.join("\n")}
## Recorded machines

Facts of machines, from outputs that their owners posted, or derived from such a one by a change
that is told. Every rule is found on one of them and clear on another.

| machine | where from | verdict | found |
|---|---|---|---|
${machines.map(machineRow).join("\n")}
`;
}

const meanings: Record<Severity, string> = {
  blocks:
    "Conv2d in PyTorch does not run on the card. From the hardware upwards: what comes " +
    "first\nis to be mended first.",
  slows: "It runs, but slowly, or not in every case.",
  note: "Good to know; nothing is wrong.",
};

const ruleHead =
  "| rule | what | why | certainty | what to do | sources |\n|---|---|---|---|---|---|";

function ruleRow(rule: Rule): string {
  const remedies = rule.remedies.map(({ does }) => does);
  const sources = rule.sources.map(({ title, at, date }) => `${linked(title, at)} (${date})`);
  return row(
    `\`${rule.id}\``,
    rule.title,
    plain(rule.why),
    rule.certainty,
    plain([...new Set(remedies)].join("; or ") || "nothing"),
    sources.join("; "),
  );
}

function machineRow({ name, source, facts, diagnosis }: Machine): string {
  const { outcome } = verdictOf(facts, diagnosis);
  const found = diagnosis.found.map(({ rule }) => `\`${rule.id}\``).join(", ") || "nothing";
  return row(
    `\`${name}\``,
    source.replace(/https:\/\/\S+/, (address) => `<${address}>`),
    outcome,
    found,
  );
}

/** A template without what stands in for facts that are not known. */
const plain = (template: string) => template.replace(/\{([\w.]+)\|[^{}]*\}/g, "{$1}");

/** A thread or an address as a link; a repository or a file of ours as it is. */
function linked(title: string, at: string): string {
  const thread = /^([\w.-]+\/[\w.-]+)#(\d+)$/.exec(at);
  if (thread) return `[${title}](https://github.com/${thread[1]}/issues/${thread[2]})`;
  return at.startsWith("https://") ? `[${title}](${at})` : `${title}, ${at}`;
}

function row(...cells: readonly string[]): string {
  return `| ${cells.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
}
