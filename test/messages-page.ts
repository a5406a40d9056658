import type { Pattern, Role, Source } from "../src/explain/index.ts";

type Listed = Pattern & { readonly family: string };

/** The text of docs/messages.md: every message that `rekindle explain` knows. */
export function messagesPage(patterns: readonly Listed[]): string {
  const families = [...new Set(patterns.map(({ family }) => family))];
  const sections = families.map((family) => {
    const rows = patterns.filter((pattern) => pattern.family === family).map(rowOf);
    return `## ${family}\n\n${head}\n${rows.join("\n")}\n`;
  });
  return `# Messages that rekindle explain knows

Made from the registry (src/explain/patterns) by
\`npx vitest run --project plain test/messages-page.test.ts --update\`; a test checks that it is up
to date. [explain.md](explain.md) tells how they are weighed. Each has at least one excerpt in
fixtures/logs that it is tested with.

${Object.entries(roles)
  .map(([role, meaning]) => `- _${role}_: ${meaning}`)
  .join("\n")}

Certainty "by the text" is decided by what else the text, or the machine, shows.

${sections.join("\n")}`;
}

const roles: Readonly<Record<Role, string>> = {
  cause: "names what is wrong",
  symptom: "tells that something went wrong and where; several causes lead there",
  tail: "a closing line that many failures share, of no meaning by itself",
  harmless: "looks bad and may be ignored",
};

const head = "| id | what | role | certainty | it is not | sources |\n|---|---|---|---|---|---|";

function rowOf({ id, title, role, certainty, isNot, sources }: Listed): string {
  const cells = [
    `\`${id}\``,
    title,
    role,
    typeof certainty === "string" ? certainty : "by the text",
    isNot.join("; "),
    sources.map(linked).join(", "),
  ];
  return `| ${cells.map((text) => text.replaceAll("|", "\\|")).join(" | ")} |`;
}

function linked({ where, date }: Source): string {
  const match = /^([\w.-]+\/[\w.-]+)#(\d+)$/.exec(where);
  const name = match ? `[${where}](https://github.com/${match[1]}/issues/${match[2]})` : where;
  return `${name} (${date})`;
}
