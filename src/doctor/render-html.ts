import type { DoctorReport, ReportedFinding, ReportedRemedy } from "./report.ts";
import { sentence } from "./sentence.ts";

const certainties = {
  confirmed: "confirmed by source",
  reported: "reported by users",
  inferred: "inferred",
} as const;

const outcomes = {
  works: "Conv2d should work",
  fails: "Conv2d will not work",
  unknown: "Not enough is known",
  "no-card": "No AMD card",
} as const;

const style = `
:root { color-scheme: light dark; --line: light-dark(#d8d8de, #3a3a42);
  --back: light-dark(#fff, #17171b); --code: light-dark(#f3f3f6, #222228);
  --dim: light-dark(#63636e, #a2a2ae); --bad: light-dark(#b3261e, #ff8a80);
  --slow: light-dark(#8a5a00, #f2c063); --good: light-dark(#1b6e37, #7ddc9a); }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1rem 4rem; background: var(--back);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.1rem; margin: 2.5rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0; display: inline; }
article, .verdict { border: 1px solid var(--line); border-left-width: 6px; border-radius: 6px;
  padding: .8rem 1rem; margin: .8rem 0; }
.blocks, .fails { border-left-color: var(--bad); } .blocks .label { color: var(--bad); }
.slows, .unknown, .no-card { border-left-color: var(--slow); } .slows .label { color: var(--slow); }
.works { border-left-color: var(--good); }
.label { font-weight: 700; text-transform: uppercase; font-size: .8rem; margin-right: .5rem; }
.dim, small { color: var(--dim); } p { margin: .5rem 0; }
pre { background: var(--code); border-radius: 4px; padding: .6rem .8rem; margin: .4rem 0;
  white-space: pre-wrap; overflow-wrap: anywhere; font-size: .85rem; }
table { border-collapse: collapse; font-size: .85rem; width: 100%; }
td { border-top: 1px solid var(--line); padding: .25rem .6rem .25rem 0; vertical-align: top;
  overflow-wrap: anywhere; } td:first-child { white-space: nowrap; }
details { margin: .4rem 0; } summary { cursor: pointer; color: var(--dim); font-size: .9rem; }
`;

/**
 * The report as one HTML file that needs no other and runs no script.
 *
 * @example
 * await writeFile("report.html", renderHtml(reportOf(facts)));
 */
export function renderHtml(report: DoctorReport): string {
  const { verdict, findings, unknown, clear, facts } = report;
  const cards = facts.gpus?.map((gpu) => `${gpu.name ?? gpu.chip ?? "GPU"} (${gpu.gfx ?? "?"})`);
  const shownCards = cards === undefined ? "GPU not known" : cards.join(", ") || "no GPU";
  const machine = [shownCards, facts.os?.name, facts.kernel?.release].filter(Boolean).join("; ");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>rekindle doctor: ${escaped(outcomes[verdict.outcome])}</title>
<style>${style}</style>
</head>
<body>
<h1>rekindle doctor</h1>
<p class="dim">${escaped(machine)}</p>
<section class="verdict ${verdict.outcome}">
<p><strong>${escaped(outcomes[verdict.outcome])}</strong></p>
<p>${escaped(verdict.sentence)}</p>
${verdict.way.map(remedyHtml).join("\n")}
</section>
<h2>Findings (${findings.length})</h2>
${findings.map(findingHtml).join("\n") || "<p>None.</p>"}
<h2>Not known (${unknown.length + (facts.unknown?.length ?? 0)})</h2>
${(facts.unknown ?? []).map(failureHtml).join("\n")}
<ul>${unknown.map(openHtml).join("\n")}</ul>
<h2>Clear (${clear.length})</h2>
<p class="dim">${escaped(clear.join(", ") || "none")}</p>
<details><summary>All facts</summary>
<table>${rowsOf(flat(facts))}</table>
</details>
</body>
</html>
`;
}

function findingHtml(finding: ReportedFinding): string {
  const { rule, title, severity, certainty, cases, howToFindOut, sources } = finding;
  const cited = sources.map(
    ({ title: what, at, date }) => `${escaped(what)} (${linked(at)}, ${escaped(date)})`,
  );
  return `<article class="${severity}">
<span class="label">${severity}</span><h3>${escaped(title)}</h3> <small>${escaped(rule)}</small>
${cases.map(caseHtml).join("\n")}
<details><summary>How to see it</summary>
${howToFindOut.map((line) => `<pre>${escaped(line)}</pre>`).join("")}</details>
<p><small>Certainty: ${certainties[certainty]}. Sources: ${cited.join("; ")}.</small></p>
</article>`;
}

/** A rule that cannot be judged: which facts are missing, and what would tell. */
function openHtml({ title, rule, cases, howToFindOut }: ReportedFinding): string {
  const missing = cases[0]?.facts.filter(({ value }) => value === undefined) ?? [];
  const keys = missing.map(({ key }) => key).join(", ");
  return `<li>${escaped(title)}? <small>${escaped(rule)}; needs ${escaped(keys)}</small>
${howToFindOut
  .slice(0, 1)
  .map((line) => `<pre>${escaped(line)}</pre>`)
  .join("")}</li>`;
}

function caseHtml({ why, facts, remedies }: ReportedFinding["cases"][number]): string {
  const rows = facts.map(({ key, value }) => [key, shown(value)] as const);
  return `<p>${escaped(sentence(why))}</p>
<details><summary>Facts that decide it</summary><table>${rowsOf(rows)}</table></details>
${remedies.map(remedyHtml).join("\n")}`;
}

function remedyHtml({ does, commands }: ReportedRemedy): string {
  const text = escaped(commands.join("\n"));
  return `<p>To ${escaped(does)}:</p>${text && `<pre>${text}</pre>`}`;
}

function failureHtml(failure: { probe: string; reason: string; command?: string }): string {
  const { probe, reason, command } = failure;
  const pre = command === undefined ? "" : `<pre>${escaped(command)}</pre>`;
  return `<article class="note">
<span class="label">${escaped(probe)}</span>${escaped(reason)}${pre}</article>`;
}

function rowsOf(rows: readonly (readonly [string, string])[]): string {
  return rows
    .map(([key, value]) => `<tr><td>${escaped(key)}</td><td>${escaped(value)}</td></tr>`)
    .join("\n");
}

/** Facts with their dotted keys; a list of texts stays together. */
function flat(value: unknown, key = ""): [string, string][] {
  const isPlain = (v: unknown) => typeof v !== "object" || v === null;
  if (isPlain(value) || (Array.isArray(value) && value.every(isPlain)))
    return [[key, shown(value)]];
  return Object.entries(value as object).flatMap(([name, item]) =>
    flat(item, key ? `${key}.${name}` : name),
  );
}

function shown(value: unknown): string {
  if (value === undefined) return "(not known)";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** A source: an address, or a thread "owner/name#123" of GitHub, as a link. */
function linked(at: string): string {
  const thread = /^([\w.-]+\/[\w.-]+)#(\d+)$/.exec(at);
  const href = thread
    ? `https://github.com/${thread[1]}/issues/${thread[2]}`
    : /^https:\/\/\S+$/.exec(at)?.[0];
  return href ? `<a href="${escaped(href)}">${escaped(at)}</a>` : escaped(at);
}

function escaped(text: string): string {
  return text
    .replace(/&/g, "&amp;")
    .replace(/</g, "&lt;")
    .replace(/>/g, "&gt;")
    .replace(/"/g, "&quot;");
}
