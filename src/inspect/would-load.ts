import type { InspectSummary, LoadAnswer, Part, PartAnswer } from "./report.ts";
import { type Fit, fitOf, parseTarget } from "./targets.ts";

/**
 * Whether a GPU would find its code in what was inspected, and why.
 *
 * @param target the GPU's target ID, "gfx1010" or with settings "gfx90a:xnack-". Throws nothing:
 *   a text that is no target finds nothing.
 */
export function wouldLoad(summary: InspectSummary, target: string): LoadAnswer {
  const parts = summary.parts.map((part) => answerOf(part, target));
  const answer = overall(parts, summary);
  return { target, answer, why: reasonOf(answer, parts, summary, target), parts };
}

function answerOf(part: Part, gpu: string): PartAnswer {
  const { path, place, targets, complete, remark } = part;
  const found = bestOf(targets, gpu);
  const tail = remark ? `; ${remark}` : "";
  if (!found) {
    const has = targets.length > 0 ? `it has ${targets.join(", ")}` : "it has no code";
    const why = `no code for ${gpu}: ${has}${tail}`;
    const portable = targets.includes("amdgcnspirv");
    const answer = complete && !portable ? "no" : "unknown";
    return { path, place, answer, match: "missing", why: why + (portable ? compiled : "") };
  }
  const { by, fit } = found;
  const { match } = fit;
  const condition = conditionOf(fit, by);
  const answer = condition ? "conditional" : "yes";
  return { path, place, answer, match, by, why: `${sentences[match](by, gpu)}${condition}${tail}` };
}

const compiled = "; ROCm may compile its SPIR-V (amdgcnspirv) when it is loaded";

const sentences: Readonly<Record<Fit["match"], (by: string, gpu: string) => string>> = {
  exact: (by) => `it has code for ${by}`,
  generic: (by, gpu) => `it has code for ${by}, the generic target of ${gpu}`,
  superset: (by, gpu) => `it has code for ${by}, whose instructions ${gpu} has as well`,
};

/** "" where the code loads as it is. */
function conditionOf({ match, needs }: Fit, by: string): string {
  const version = /^gfx(\d+)(\d)(\d)$/.exec(by.split(":")[0]!);
  const conditions = [
    ...(match === "superset" && version
      ? [
          "AMD's ROCr takes exact targets alone, so it loads with Debian's ROCr or with " +
            `HSA_OVERRIDE_GFX_VERSION=${version.slice(1).join(".")}`,
        ]
      : []),
    ...(needs.length > 0 ? [`it loads where the GPU runs with ${needs.join(" and ")}`] : []),
  ];
  return conditions.map((text) => `; ${text}`).join("");
}

function bestOf(targets: readonly string[], gpu: string): { by: string; fit: Fit } | undefined {
  const rank = ({ match, needs }: Fit) =>
    ["exact", "generic", "superset"].indexOf(match) + (needs.length > 0 ? 10 : 0);
  const fits = targets.flatMap((by) => {
    const fit = fitOf(by, gpu);
    return fit ? [{ by, fit }] : [];
  });
  return fits.sort((a, b) => rank(a.fit) - rank(b.fit))[0];
}

function overall(parts: readonly PartAnswer[], summary: InspectSummary): LoadAnswer["answer"] {
  const has = (answer: PartAnswer["answer"]) => parts.some((part) => part.answer === answer);
  if (parts.length === 0) return summary.problems.length > 0 ? "unknown" : "no";
  if (!has("yes") && !has("conditional")) return has("unknown") ? "unknown" : "no";
  if (has("no") || has("unknown")) return "partly";
  return has("conditional") ? "conditional" : "yes";
}

function reasonOf(
  answer: LoadAnswer["answer"],
  parts: readonly PartAnswer[],
  summary: InspectSummary,
  target: string,
): string {
  if (!parseTarget(target)) return `"${target}" is no target ID such as gfx1010`;
  if (parts.length === 0) {
    const problem = summary.problems[0];
    const scope = `${summary.files} file${summary.files === 1 ? "" : "s"}`;
    if (problem) return `no device code was found in ${scope}, but ${problem.message}`;
    return `no code for AMD GPUs was found in ${scope}`;
  }
  if (parts.length === 1) return parts[0]!.why;
  const good = parts.filter((part) => part.answer === "yes" || part.answer === "conditional");
  const sample = parts.find((part) => part.answer === "conditional");
  if (answer === "yes") return `all ${parts.length} parts with device code have it for ${target}`;
  if (answer === "conditional") return `${good.length} of ${parts.length} parts: ${sample!.why}`;
  return `${good.length} of ${parts.length} parts with device code have it for ${target}`;
}
