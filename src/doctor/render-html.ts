import { escaped, htmlPage, linked } from "./html.ts";
import type { DoctorReport, KeptResult, ReportedFinding, ReportedRemedy } from "./report.ts";
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

/**
 * The report as one HTML file that needs no other and runs no script.
 *
 * @example
 * await writeFile("report.html", renderHtml(reportOf(facts)));
 */
export function renderHtml(report: DoctorReport): string {
  const { verdict, findings, unknown, clear, results, facts } = report;
  const cards = facts.gpus?.map((gpu) => `${gpu.name ?? gpu.chip ?? "GPU"} (${gpu.gfx ?? "?"})`);
  const shownCards = cards === undefined ? "GPU not known" : cards.join(", ") || "no GPU";
  const machine = [shownCards, facts.os?.name, facts.kernel?.release].filter(Boolean).join("; ");
  return htmlPage(
    `rekindle doctor: ${outcomes[verdict.outcome]}`,
    `<h1>rekindle doctor</h1>
<p class="dim">${escaped(machine)}</p>
<section class="verdict ${verdict.outcome}">
<p><strong>${escaped(outcomes[verdict.outcome])}</strong></p>
<p>${escaped(verdict.sentence)}</p>
${verdict.way.map(remedyHtml).join("\n")}
</section>
${results.length > 0 ? `<h2>Tried on this machine</h2>\n${results.map(resultHtml).join("\n")}` : ""}
<h2>Findings (${findings.length})</h2>
${findings.map(findingHtml).join("\n") || "<p>None.</p>"}
<h2>Not known (${unknown.length + (facts.unknown?.length ?? 0)})</h2>
${(facts.unknown ?? []).map(failureHtml).join("\n")}
<ul>${unknown.map(openHtml).join("\n")}</ul>
<h2>Clear (${clear.length})</h2>
<p class="dim">${escaped(clear.join(", ") || "none")}</p>
<details><summary>All facts</summary>
<table>${rowsOf(flat(facts))}</table>
</details>`,
  );
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

function resultHtml({ kind, sentence, lines, ...rest }: KeptResult): string {
  const { subject, device, time, boot, isThisBoot, target, command } = rest;
  const rows: [string, string][] = [
    ["when", time],
    ["boot", `${boot}${isThisBoot ? " (this one)" : ""}`],
    ["target", target],
    ["again", command],
    ...lines.map(({ name, outcome }): [string, string] => [name, outcome]),
  ];
  return `<article>
<span class="label">${kind}</span><h3>${escaped(onDevice(subject, device))}</h3>
<p>${escaped(sentence)}</p>
<table>${rowsOf(rows)}</table>
</article>`;
}

const onDevice = (subject: string, device: string | undefined) =>
  device === undefined ? subject : `${subject} on ${device}`;

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
