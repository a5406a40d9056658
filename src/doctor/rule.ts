import {
  type Answer,
  type Bindings,
  type Condition,
  type Evidence,
  type Subject,
  subjects,
  type View,
} from "./condition.ts";
import type { Facts } from "./facts.ts";
import { fill } from "./template.ts";

export const severities = ["blocks", "slows", "note"] as const;
/**
 * `blocks`: Conv2d in PyTorch does not run on this card. `slows`: it runs, but slowly, or not in
 * every case. `note`: good to know, nothing is wrong.
 */
export type Severity = (typeof severities)[number];

/**
 * How well it is established. `confirmed`: read in source code or said by the makers. `reported`:
 * users say so. `inferred`: concluded by us, nobody reports it.
 */
export type Certainty = "confirmed" | "reported" | "inferred";

export interface Source {
  readonly title: string;
  /** An address, or a thread: "ROCm/TheRock#7839". */
  readonly at: string;
  /** When it was written or read: "2026-09-17", "2024-08". */
  readonly date: string;
}

/** A way out. Texts and commands may hold facts: `{card.gfx}`. */
export interface Remedy {
  readonly does: string;
  /** Lines for a shell, in order. */
  readonly commands: readonly string[];
  /** It does not repair PyTorch here but does without; nothing else has to be done then. */
  readonly isWayRound?: boolean;
  /** Offered unless this is known not to hold. */
  readonly when?: Condition;
}

/** What can be wrong with, or good to know of, a machine. Texts may hold facts: `{card.gfx}`. */
export interface Rule {
  /** Words joined by hyphens, never changed. */
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  /** It is judged for each of these on the machine; none: for the machine as a whole. */
  readonly about: readonly Subject[];
  readonly when: Condition;
  /** A clause without a full stop that names the deciding facts: "{card.gfx} has no code in ..." */
  readonly why: string;
  readonly certainty: Certainty;
  /** Commands that show what the condition asks. */
  readonly howToFindOut: readonly string[];
  readonly remedies: readonly Remedy[];
  readonly sources: readonly Source[];
}

/** A rule's answer for one card, PyTorch or library. */
export interface Case {
  readonly at: Bindings;
  readonly why: string;
  /** The facts that decided it; those without value are the ones that are missing. */
  readonly facts: readonly Evidence[];
  readonly howToFindOut: readonly string[];
  readonly remedies: readonly FilledRemedy[];
}

export type FilledRemedy = Pick<Remedy, "does" | "commands" | "isWayRound">;

export interface Finding {
  readonly rule: Rule;
  readonly cases: readonly [Case, ...Case[]];
}

export interface Diagnosis {
  /** Most severe first, then in the order of the rules. */
  readonly found: readonly Finding[];
  /** What could be so, but facts are missing. */
  readonly unknown: readonly Finding[];
  readonly clear: readonly Rule[];
}

/**
 * Every rule judged on the facts of a machine. Pure: facts that are absent make rules "unknown",
 * never clear.
 *
 * @example
 * diagnose({ version: 1, gpus: [] }, rules).found[0]?.rule.id; // "no-amd-card"
 */
export function diagnose(facts: Facts, rules: readonly Rule[]): Diagnosis {
  const judged = rules.map((rule) => judge(rule, facts));
  const pick = (answer: Answer) =>
    judged
      .flatMap(({ rule, cases }) => {
        const [first, ...rest] = cases.filter((c) => c.answer === answer);
        return first ? [{ rule, cases: [first, ...rest] as const } satisfies Finding] : [];
      })
      .sort((a, b) => rankOf(a.rule) - rankOf(b.rule));
  const found = pick("yes");
  const isFound = new Set(found.map((finding) => finding.rule));
  const unknown = pick("unknown").filter((finding) => !isFound.has(finding.rule));
  const isOpen = new Set([...isFound, ...unknown.map((finding) => finding.rule)]);
  return { found, unknown, clear: rules.filter((rule) => !isOpen.has(rule)) };
}

const rankOf = (rule: Rule) => severities.indexOf(rule.severity);

interface JudgedCase extends Case {
  readonly answer: Answer;
}

function judge(rule: Rule, facts: Facts): { rule: Rule; cases: JudgedCase[] } {
  const cases = bindingsOf(rule.about, facts).map((at) => {
    const view = { facts, at };
    const { answer, because } = rule.when(view);
    const filled = (text: string) => fill(text, view, because);
    const why = answer === "unknown" ? missingOf(because) : filled(rule.why);
    const howToFindOut = rule.howToFindOut.map(filled);
    const remedies = remediesFor(rule, view, filled);
    return { answer, at, why, facts: because, howToFindOut, remedies };
  });
  return { rule, cases };
}

/** Every combination of the things that a rule is about; a list that is not known stands open. */
function bindingsOf(about: readonly Subject[], facts: Facts): Bindings[] {
  let combinations: Bindings[] = [{}];
  for (const subject of about) {
    const places = facts[subjects[subject]]?.map((_, i) => i) ?? [undefined];
    combinations = combinations.flatMap((at) =>
      places.map((place) => (place === undefined ? at : { ...at, [subject]: place })),
    );
  }
  return combinations;
}

function missingOf(because: readonly Evidence[]): string {
  const missing = because.filter((seen) => seen.value === undefined).map((seen) => seen.path);
  if (missing.length > 1) return `${missing.join(", ")} are not known`;
  if (missing.length === 1) return `${missing[0]} is not known`;
  return `${because.map((seen) => seen.path).join(", ")} alone cannot tell`;
}

function remediesFor(rule: Rule, view: View, filled: (text: string) => string): FilledRemedy[] {
  return rule.remedies
    .filter((remedy) => remedy.when?.(view).answer !== "no")
    .map(({ does, commands, isWayRound = false }) => ({
      does: filled(does),
      commands: commands.map(filled),
      ...(isWayRound && { isWayRound }),
    }));
}
