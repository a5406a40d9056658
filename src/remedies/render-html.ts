import { escaped, htmlPage, linked, sentence } from "../doctor/index.ts";
import {
  certaintyWords,
  costText,
  headingOf,
  overviewOf,
  type PlanReport,
  type ReportedRemedy,
} from "./plan-report.ts";
import { wantWords } from "./rank.ts";

/**
 * The plan as one HTML file that needs no other and runs no script.
 *
 * @example
 * await writeFile("plan.html", renderPlanHtml(planReport(facts, wishes)));
 */
export function renderPlanHtml(report: PlanReport): string {
  const { card, verdict, works, summary, ways, cleanUps, leftOut, experts } = report;
  const section = (title: string, remedies: readonly ReportedRemedy[]) =>
    remedies.length === 0
      ? ""
      : `<h2>${title} (${remedies.length})</h2>\n${remedies.map(remedyHtml).join("\n")}`;
  return htmlPage(
    "rekindle plan",
    `<h1>rekindle plan</h1>
<p class="dim">${escaped(card)}; for ${wantWords[report.wishes.want]}</p>
<section class="verdict ${works ? "works" : "unknown"}">
${works ? "" : `<p>${escaped(verdict)}</p>`}
<p><strong>${headingOf(report)}</strong></p>
<table>${rowsOf(summary)}</table>
</section>
${ways.length > 0 ? `<h2>Ways, side by side</h2>\n<table>${overviewHtml(ways)}</table>` : ""}
${section("Clean-ups that come first", cleanUps)}
${section("Ways, the best first", ways)}
${section("Not here, or not wanted", leftOut)}
${section("For experts", experts)}`,
  );
}

function remedyHtml(remedy: ReportedRemedy): string {
  const { id, title, kind, gives, certainty, evidence, sources, cost, answer, byHand } = remedy;
  const cited = sources.map(
    ({ title: what, at, date }) => `${escaped(what)} (${linked(at)}, ${escaped(date)})`,
  );
  const first = remedy.obstacles.map(({ does, why, commands }) =>
    commands.length > 0 ? `${does} (${commands.join("; ")}). ${why}` : why,
  );
  const rows = (
    [
      ["takes", costText(cost)],
      ["changes", remedy.changes.join(" ")],
      ["can go wrong", remedy.risks.join(" ")],
      ["why lower", remedy.lower ?? ""],
      [answer === "unsure" ? "open" : "against", remedy.reasons.join("; ")],
      ["first", first.join("; then ")],
      ["by hand", (byHand ?? []).join("; then ")],
    ] as const
  ).filter(([, text]) => text !== "");
  const isOpen = answer === "possible" || answer === "unsure";
  const known = `${certaintyWords[certainty]}: ${escaped(evidence)}`;
  return `<article class="${isOpen ? "works" : "note"}">
<h3>${escaped(title)}</h3> <small>${escaped(id)}</small>
<p>${escaped(sentence(gives))}</p>
<table>${rowsOf(rows)}</table>
${(isOpen || kind === "expert") && !byHand ? `<pre>rekindle fix ${escaped(id)}</pre>` : ""}
<p><small>${known}. Sources: ${cited.join("; ")}.</small></p>
</article>`;
}

const overviewHtml = (ways: readonly ReportedRemedy[]) =>
  overviewOf(ways)
    .map((cells) => `<tr>${cells.map((cell) => `<td>${escaped(cell)}</td>`).join("")}</tr>`)
    .join("\n");

const rowsOf = (rows: readonly (readonly [string, string])[]) =>
  rows.map(([key, text]) => `<tr><td>${key}</td><td>${escaped(text)}</td></tr>`).join("\n");
