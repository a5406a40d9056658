import type { Facts } from "../doctor/facts.ts";
import type { Clues } from "./clues.ts";
import type { Certainty, Pattern, Role, Source, Step } from "./pattern.ts";
import type { Evidence, Hit, Scan } from "./scan.ts";
import { factsFit, type Seen, see } from "./seen.ts";
import { hipLog, hipOneByOne, kernelLog, miopenLog } from "./steps.ts";

/** One cause or message, judged. */
export interface Finding {
  readonly id: string;
  readonly family: string;
  readonly role: Role;
  readonly title: string;
  readonly certainty: Certainty;
  /** In plain words. */
  readonly cause: string;
  /** The lines that say so; the first few of `count`. */
  readonly lines: readonly Evidence[];
  readonly count: number;
  readonly isNot: readonly string[];
  readonly steps: readonly Step[];
  readonly sources: readonly Source[];
  /** Ids of messages in the text that follow from this cause. */
  readonly consequences: readonly string[];
}

/**
 * - found: at least one finding is no harmless message
 * - harmless: only messages that may be ignored
 * - unknown: the text looks like a failure, and no cause is known for it
 * - nothing: nothing in it looks like a failure
 */
export type Verdict = "found" | "harmless" | "unknown" | "nothing";

/** What a text means. */
export interface Explanation {
  /** Of this document's shape; grows when a field changes its meaning or goes. */
  readonly schema: "rekindle-explain/1";
  readonly verdict: Verdict;
  /** The most specific and most certain first; harmless messages last. */
  readonly findings: readonly Finding[];
  /** What the judgement took into account beside the messages. */
  readonly context: Context;
  /** Logs that would tell more; empty where the cause is confirmed. */
  readonly logsThatWouldHelp: readonly Step[];
  readonly lines: number;
}

export interface Context {
  readonly card?: string;
  readonly cardFrom?: "machine" | "text";
  readonly override?: string;
  readonly overrideHow?: "set" | "mentioned" | "disputed";
  /** Target that software takes the card for. */
  readonly disguise?: string;
  readonly torchBuild?: string;
  readonly kernel?: string;
  /** Facts were used, left aside (the text is about another machine), or not given. */
  readonly facts: "used" | "other machine" | "none";
  /** The text speaks of AMD's software, and no GPU of the machine is AMD's. */
  readonly noAmdGpu?: true;
}

const roleRank: Readonly<Record<Role, number>> = { cause: 3, symptom: 2, tail: 1, harmless: 0 };
const certaintyRank: Readonly<Record<Certainty, number>> = { confirmed: 2, likely: 1, possible: 0 };

type FamilyPattern = Pattern & { readonly family: string };

/** Weighs what a scan found: ranks causes and folds their consequences into them. */
export function diagnose(
  scan: Scan,
  patterns: readonly FamilyPattern[],
  facts?: Facts,
): Explanation {
  const seen = see(scan, scan.clues, facts);
  const judged = patterns.flatMap((pattern) => judge(pattern, hitOf(pattern, scan, seen), seen));
  const all = judged.sort(byWeight);
  const explained = new Map<string, string[]>();
  for (const cause of all) {
    const { pattern } = cause;
    for (const id of pattern.explains ?? []) {
      const target = all.find((other) => other.finding.id === id);
      if (!target || !outweighs(cause, target) || explained.has(id)) continue;
      if (explained.has(pattern.id)) continue;
      explained.set(id, [pattern.id]);
    }
  }
  const findings = all
    .filter(({ finding }) => !explained.has(finding.id))
    .map(({ finding }) => ({
      ...finding,
      consequences: [...explained].filter(([, by]) => by[0] === finding.id).map(([id]) => id),
    }));
  const verdict = verdictOf(findings, scan.clues);
  return {
    schema: "rekindle-explain/1",
    verdict,
    findings,
    context: contextOf(seen, scan.clues, facts),
    logsThatWouldHelp: logsFor(findings, verdict, seen),
    lines: scan.lines,
  };
}

interface Judged {
  readonly pattern: FamilyPattern;
  readonly finding: Finding;
}

/** The pattern's own lines, or those that show what the machine tells. */
function hitOf(pattern: Pattern, { hits }: Scan, seen: Seen): Hit | undefined {
  const own = hits.get(pattern.id);
  if (own || !seen.overrideIsOnlyOfMachine) return own;
  const other = pattern.shownBy?.find((id) => hits.has(id));
  return other === undefined ? undefined : hits.get(other);
}

function judge(pattern: FamilyPattern, hit: Hit | undefined, seen: Seen): Judged[] {
  if (!hit) return [];
  const { certainty, cause, steps } = pattern;
  const judged = typeof certainty === "function" ? certainty(seen) : certainty;
  if (!judged) return [];
  const finding: Finding = {
    id: pattern.id,
    family: pattern.family,
    role: pattern.role,
    title: pattern.title,
    certainty: judged,
    cause: typeof cause === "function" ? cause(seen) : cause,
    lines: hit.lines,
    count: hit.count,
    isNot: pattern.isNot,
    steps: typeof steps === "function" ? steps(seen) : steps,
    sources: pattern.sources,
    consequences: [],
  };
  return [{ pattern, finding }];
}

/** Causes before symptoms before closing lines; the more certain, then the more specific first. */
function byWeight(a: Judged, b: Judged): number {
  return (
    roleRank[b.pattern.role] - roleRank[a.pattern.role] ||
    certaintyRank[b.finding.certainty] - certaintyRank[a.finding.certainty] ||
    Number(explains(b, a)) - Number(explains(a, b))
  );
}

const explains = (a: Judged, b: Judged) => a.pattern.explains?.includes(b.pattern.id) ?? false;

/** Nothing is explained by what is weaker than it, or by a cause that is less certain. */
function outweighs(cause: Judged, other: Judged): boolean {
  const [role, otherRole] = [roleRank[cause.pattern.role], roleRank[other.pattern.role]];
  if (role !== otherRole) return role > otherRole;
  return certaintyRank[cause.finding.certainty] >= certaintyRank[other.finding.certainty];
}

function verdictOf(findings: readonly Finding[], clues: Clues): Verdict {
  if (findings.some(({ role }) => role === "cause" || role === "symptom")) return "found";
  if (findings.some(({ role }) => role === "tail")) return "unknown";
  // A harmless warning beside a failure does not make the failure harmless.
  if (clues.flags.failure > 0) return "unknown";
  return findings.length > 0 ? "harmless" : "nothing";
}

/** Which log would name the cause, for what this text leaves open. */
function logsFor(findings: readonly Finding[], verdict: Verdict, seen: Seen): Step[] {
  const top = findings[0];
  if (verdict === "unknown") {
    const isGpu = seen.clue("rocm") || seen.clue("crash") || top?.role === "tail";
    const closing = top?.role === "tail" ? top.steps : [];
    const general = isGpu
      ? [hipOneByOne, ...miopenLogs(seen), kernelLog]
      : [...miopenLogs(seen), hipLog];
    return unique([...closing, ...general]);
  }
  if (verdict !== "found" || top?.certainty !== "possible") return [];
  const offered = new Set(top.steps.map(({ command }) => command));
  const logs = [hipOneByOne, ...miopenLogs(seen), kernelLog];
  return logs.filter(({ command }) => !offered.has(command));
}

const miopenLogs = (seen: Seen) => (seen.clue("miopen") ? [miopenLog] : []);

function unique(steps: readonly Step[]): Step[] {
  return [...new Map(steps.map((step) => [step.command ?? step.code ?? step.what, step])).values()];
}

function contextOf(seen: Seen, clues: Clues, facts: Facts | undefined): Context {
  const { card, cardFrom, override, disguise, torchBuild, kernel } = seen;
  return {
    ...(card && { card }),
    ...(cardFrom && { cardFrom }),
    ...(override && { override: override.value, overrideHow: override.how }),
    ...(disguise && { disguise }),
    ...(torchBuild && { torchBuild }),
    ...(kernel && { kernel: kernel.join(".") }),
    facts: facts ? (factsFit(clues, facts) ? "used" : "other machine") : "none",
    ...(clues.flags.rocm > 0 && hasNoAmdGpu(facts) && { noAmdGpu: true }),
  };
}

/** Certain only where every GPU is known to be of another maker. */
const hasNoAmdGpu = (facts: Facts | undefined): boolean =>
  facts?.gpus?.every(({ vendorId }) => vendorId !== undefined && vendorId !== "1002") ?? false;
