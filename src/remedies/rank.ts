import type { View } from "../doctor/condition.ts";
import type { Diagnosis } from "../doctor/index.ts";
import { fill } from "../doctor/template.ts";
import { gigabytes, type Obstacle, obstaclesFor } from "./obstacles.ts";
import { type Cost, type Remedy, type Service, services, type Want } from "./remedy.ts";

/** What the user wants, and what may not be. */
export interface Wishes {
  readonly want: Want;
  readonly fp16: boolean;
  readonly noRoot: boolean;
  readonly offline: boolean;
  readonly diskBytesMax?: number;
}

/** A remedy, judged for one machine and one user. */
export interface Judged {
  readonly remedy: Remedy;
  readonly cost: Cost;
  /** `unsure`: facts are missing. */
  readonly answer: "possible" | "unsure" | "impossible" | "unwanted";
  /** Why not, or which facts are missing. */
  readonly reasons: readonly string[];
  readonly obstacles: readonly Obstacle[];
  readonly service: Service;
}

/** Judges a remedy on facts alone. */
export function judge(remedy: Remedy, view: View, diagnosis: Diagnosis, wishes: Wishes): Judged {
  const cost = remedy.cost(view);
  const service = remedy.serves[wishes.want] ?? "no";
  const obstacles = obstaclesFor(remedy, cost, view.facts, diagnosis);
  const judged = { remedy, cost, service, obstacles };
  const against: string[] = [];
  const missing: string[] = [];
  for (const { when, otherwise } of remedy.requires) {
    const { answer, because } = when(view);
    if (answer === "no") against.push(fill(otherwise, view, because));
    const unknown = because.filter(({ value }) => value === undefined).map(({ path }) => path);
    if (answer === "unknown") missing.push(`not known: ${unknown.join(", ") || "what it needs"}`);
  }
  against.push(...obstacles.filter(({ isFinal }) => isFinal).map(({ why }) => why));
  if (against.length > 0) return { ...judged, answer: "impossible", reasons: against };
  const unwanted = remedy.kind === "way" ? wishesAgainst(judged, wishes) : [];
  if (unwanted.length > 0) return { ...judged, answer: "unwanted", reasons: unwanted };
  return { ...judged, answer: missing.length > 0 ? "unsure" : "possible", reasons: missing };
}

/** What the user wants, after "for". */
export const wantWords: Readonly<Record<Want, string>> = {
  train: "training",
  infer: "running networks",
  comfyui: "ComfyUI",
  llm: "language models",
};

function wishesAgainst(
  { remedy, cost, service }: Pick<Judged, "remedy" | "cost" | "service">,
  { want, fp16, noRoot, offline, diskBytesMax = Infinity }: Wishes,
): string[] {
  const disk = Math.max(cost.diskBytes, cost.diskBytesMax ?? 0);
  return [
    ...(service === "no" ? [`it does not serve ${wantWords[want]}`] : []),
    ...(fp16 && remedy.fp16 === "no" ? ["it does not compute in 16-bit floats"] : []),
    ...(noRoot && cost.root ? ["it needs root"] : []),
    ...(offline && cost.downloadBytes > 0 ? [`it downloads ${gigabytes(cost.downloadBytes)}`] : []),
    ...(disk > diskBytesMax ? [`it needs ${gigabytes(disk)} of disk`] : []),
  ];
}

/** What decides between two ways: the first in which they differ. Less is better. */
interface Criterion {
  readonly measure: (judged: Judged, wishes: Wishes) => number;
  /** What is worse of the one that ranks lower, as a clause. */
  readonly worse: (judged: Judged, wishes: Wishes) => string;
}

/** Nobody can say what to type against it. */
const isHard = ({ commands }: Obstacle) => commands.length === 0;
const clauseOf = ({ why }: Obstacle) => why.replace(/\.$/, "");

const certainties = ["confirmed", "reported", "inferred"] as const;

const criteria: readonly Criterion[] = [
  {
    measure: ({ obstacles }) => obstacles.filter(isHard).length,
    worse: ({ obstacles }) => clauseOf(obstacles.find(isHard)!),
  },
  {
    measure: ({ remedy }) => (remedy.standsOn === "cpu" ? 1 : 0),
    worse: () => "it does not use the card",
  },
  {
    measure: ({ answer }) => (answer === "possible" ? 0 : 1),
    worse: ({ reasons }) => reasons.join("; "),
  },
  {
    measure: ({ service }) => services.indexOf(service),
    worse: ({ service }, { want }) => `it serves ${wantWords[want]} ${service}`,
  },
  {
    measure: ({ remedy }) => (remedy.plan ? 0 : 1),
    worse: () => "it is done by hand, without verification and undo",
  },
  {
    measure: ({ remedy }, { fp16 }) => (fp16 && remedy.fp16 !== "yes" ? 1 : 0),
    worse: () => "whether 16-bit floats compute right is not known",
  },
  {
    measure: ({ remedy }) => certainties.indexOf(remedy.certainty),
    worse: ({ remedy }) => `less certain: ${remedy.certainty}`,
  },
  {
    measure: ({ obstacles }) => obstacles.length,
    worse: ({ obstacles }) => `more has to be put right first: ${clauseOf(obstacles[0]!)}`,
  },
  {
    // Estimates of the same magnitude do not decide.
    measure: ({ cost }) => Math.ceil(Math.log(Math.max(1, cost.minutes[1])) / Math.log(4)),
    worse: ({ cost }) => `it takes up to ${minutes(cost.minutes[1])}`,
  },
  {
    measure: ({ cost }) => Math.ceil(Math.log(Math.max(1, cost.diskBytes / 1e9)) / Math.log(4)),
    worse: ({ cost }) => `it takes ${gigabytes(cost.diskBytes)} of disk`,
  },
];

/** Ways that can be gone, the best first; of equal ones the catalogue's order holds. */
export function ranked(judged: readonly Judged[], wishes: Wishes): Judged[] {
  const open = judged.filter(({ answer }) => answer === "possible" || answer === "unsure");
  return open.toSorted((a, b) => {
    const decisive = deciding(a, b, wishes);
    return decisive ? decisive.measure(a, wishes) - decisive.measure(b, wishes) : 0;
  });
}

/** Why `lower` ranks below `higher`. */
export function whyLower(lower: Judged, higher: Judged, wishes: Wishes): string {
  const decisive = deciding(lower, higher, wishes);
  return decisive ? decisive.worse(lower, wishes) : "as good; the other is tried more often";
}

const deciding = (a: Judged, b: Judged, wishes: Wishes) =>
  criteria.find(({ measure }) => measure(a, wishes) !== measure(b, wishes));

/** "45 min", "3 h". */
export function minutes(value: number): string {
  return value < 120 ? `${value} min` : `${Math.round(value / 60)} h`;
}
