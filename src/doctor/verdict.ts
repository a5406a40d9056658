import type { Bindings } from "./condition.ts";
import type { Facts } from "./facts.ts";
import type { Case, Diagnosis, FilledRemedy, Finding, Rule } from "./rule.ts";

/**
 * `works`: nothing that is known to block it was found. `fails`: something established blocks it.
 * `unknown`: facts are missing, or what may block it is only inferred. `no-card`: no AMD GPU.
 */
export type Outcome = "works" | "fails" | "unknown" | "no-card";

export interface Verdict {
  readonly outcome: Outcome;
  /** "Conv2d in PyTorch will not work here because ...; the shortest way is to ...". */
  readonly sentence: string;
  /** What to do, in order; none where nothing has to be done. */
  readonly way: readonly FilledRemedy[];
  /** The ids of the rules that decided. */
  readonly because: readonly string[];
}

/** What stands between one card and one PyTorch. */
interface Attempt {
  readonly at: Bindings;
  /** Established, from the hardware upwards. */
  readonly blocked: readonly Obstacle[];
  /** Inferred, or not known. */
  readonly open: readonly Obstacle[];
}

interface Obstacle {
  readonly rule: Rule;
  readonly case: Case;
  readonly isFound: boolean;
}

/**
 * The one sentence: whether Conv2d in PyTorch works on the card of a machine, why, and the shortest
 * way. Of several PyTorchs the one that fares best counts, of several GPUs the first card of AMD's.
 *
 * @example
 * verdictOf(facts, diagnose(facts, rules)).sentence;
 */
export function verdictOf(facts: Facts, diagnosis: Diagnosis): Verdict {
  const noCard = diagnosis.found.find((finding) => finding.rule.id === "no-amd-card");
  if (noCard) return withoutCard(noCard);
  const attempts = bindingsToTry(facts).map((at) => attempt(at, diagnosis));
  const best = attempts.toSorted((a, b) => effort(a) - effort(b))[0]!;
  if (best.blocked.length > 0) return failing(best);
  if (best.open.length > 0) return undecided(best);
  return working(facts, best, diagnosis);
}

/** Blocked ones come last; fewer obstacles come first. */
function effort({ blocked, open }: Attempt): number {
  return blocked.length * 1000 + open.length;
}

/** AMD's first card (an integrated GPU only where there is no other) with each PyTorch. */
function bindingsToTry({ gpus, torch }: Facts): Bindings[] {
  const amd = gpus?.flatMap((gpu, i) => (gpu.vendorId === "1002" ? [{ gpu, i }] : [])) ?? [];
  const chosen = amd.find(({ gpu }) => gpu.kind === "discrete") ?? amd[0];
  const card = chosen ? { card: chosen.i } : {};
  return torch && torch.length > 0 ? torch.map((_, i) => ({ ...card, pytorch: i })) : [card];
}

function attempt(at: Bindings, { found, unknown }: Diagnosis): Attempt {
  const obstacles = (findings: readonly Finding[], isFound: boolean): Obstacle[] =>
    findings
      .filter(({ rule }) => rule.severity === "blocks")
      .flatMap(({ rule, cases }) => {
        const hit = cases.find((c) => concerns(c.at, at));
        return hit ? [{ rule, case: hit, isFound }] : [];
      });
  const hits = obstacles(found, true);
  const isInferred = ({ rule }: Obstacle) => rule.certainty === "inferred";
  return {
    at,
    blocked: hits.filter((o) => !isInferred(o)),
    open: [...hits.filter(isInferred), ...obstacles(unknown, false)],
  };
}

/** Whether a case is about no other card and no other PyTorch. */
function concerns(one: Bindings, other: Bindings): boolean {
  const same = (a: number | undefined, b: number | undefined) =>
    a === undefined || b === undefined || a === b;
  return same(one.card, other.card) && same(one.pytorch, other.pytorch);
}

function withoutCard({ rule, cases }: Finding): Verdict {
  const why = cases[0].why;
  return {
    outcome: "no-card",
    sentence: `Nothing here is about an AMD card, because ${why}.`,
    way: cases[0].remedies.slice(0, 1),
    because: [rule.id],
  };
}

function failing({ blocked }: Attempt): Verdict {
  const way = wayFor(blocked);
  return {
    outcome: "fails",
    sentence:
      "Conv2d in PyTorch will not work here because " +
      `${blocked[0]!.case.why}${others(blocked)}${tail(way)}.`,
    way,
    because: blocked.map(({ rule }) => rule.id),
  };
}

function undecided({ open }: Attempt): Verdict {
  const found = open.filter((o) => o.isFound);
  const decisive = found.length > 0 ? found : open;
  const way = found.length > 0 ? wayFor(found) : [findOut(open[0]!)];
  const claim =
    found.length > 0
      ? `Conv2d in PyTorch may fail here: ${found[0]!.case.why}${tail(way)}`
      : "Whether Conv2d in PyTorch works here cannot be said: " +
        `${open[0]!.case.why}${others(open)}; this tells: ${way[0]!.commands.join("; ")}`;
  return {
    outcome: "unknown",
    sentence: `${claim}.`,
    way,
    because: decisive.map(({ rule }) => rule.id),
  };
}

function working(facts: Facts, { at }: Attempt, diagnosis: Diagnosis): Verdict {
  const torch = at.pytorch === undefined ? undefined : facts.torch?.[at.pytorch];
  const limits = diagnosis.found
    .filter(({ rule }) => rule.severity === "slows" && rule.about.includes("pytorch"))
    .filter(({ cases }) => cases.some((c) => concerns(c.at, at)));
  const where = torch ? ` with the PyTorch in ${torch.environment ?? torch.path}` : "";
  const but =
    limits.length === 0 ? "" : `, within limits: ${limits.map((f) => f.rule.title).join("; ")}`;
  return {
    outcome: "works",
    sentence:
      `Conv2d in PyTorch should work here${where}, because it has code for the card and ` +
      `nothing that is known to block it was found${but}.`,
    way: [],
    because: ["healthy"],
  };
}

/** The first remedy of each obstacle, each once, from the hardware up to one that goes round. */
function wayFor(obstacles: readonly Obstacle[]): FilledRemedy[] {
  const steps = obstacles.flatMap((o) => o.case.remedies.slice(0, 1));
  const end = steps.findIndex((step) => step.isWayRound);
  const needed = end < 0 ? steps : steps.slice(0, end + 1);
  return [...new Map(needed.map((step) => [step.does, step])).values()];
}

function findOut(obstacle: Obstacle): FilledRemedy {
  return { does: "find out", commands: obstacle.case.howToFindOut.slice(0, 1) };
}

function others({ length }: readonly Obstacle[]): string {
  return length < 2 ? "" : ` (and ${length - 1} more)`;
}

function tail(way: readonly FilledRemedy[]): string {
  if (way.length === 0) return "";
  return `; the shortest way is to ${way.map((step) => step.does).join(", then to ")}`;
}
