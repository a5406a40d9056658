import { type Diagnosis, diagnose, type Facts, reportOf, rules } from "../doctor/index.ts";
import { catalog } from "./catalog/index.ts";
import { mainCard, viewOf } from "./machine.ts";
import { gigabytes, type Obstacle } from "./obstacles.ts";
import { type Judged, judge, minutes, ranked, type Wishes, whyLower } from "./rank.ts";
import type { Cost, Remedy } from "./remedy.ts";

/** A remedy in a report. Plain data. */
export interface ReportedRemedy
  extends Pick<
    Remedy,
    "id" | "title" | "kind" | "gives" | "certainty" | "evidence" | "sources" | "fp16" | "byHand"
  > {
  readonly answer: Judged["answer"];
  readonly reasons: readonly string[];
  readonly obstacles: readonly Obstacle[];
  readonly service: Judged["service"];
  readonly cost: Cost;
  readonly changes: readonly string[];
  readonly risks: readonly string[];
  /** Why it ranks below the one that is recommended. */
  readonly lower?: string;
}

/** What `rekindle plan --json` prints. */
export interface PlanReport {
  readonly schema: "rekindle-plan/1";
  readonly wishes: Wishes;
  readonly card: string;
  /** The doctor's sentence. */
  readonly verdict: string;
  readonly works: boolean;
  /** Ids of what is recommended, in order: clean-ups, then one way. Empty where nothing helps. */
  readonly path: readonly string[];
  /** The recommendation in five lines at most, each with a name. */
  readonly summary: readonly (readonly [string, string])[];
  /** Ways that can be gone, the best first. */
  readonly ways: readonly ReportedRemedy[];
  readonly cleanUps: readonly ReportedRemedy[];
  /** Ways that are not possible here or not wanted, with the reasons. */
  readonly leftOut: readonly ReportedRemedy[];
  readonly experts: readonly ReportedRemedy[];
}

/**
 * All remedies for a machine and a user, ranked. Pure.
 *
 * @example
 * planReport(facts, { want: "train", fp16: false, noRoot: true, offline: false }).path;
 */
export function planReport(
  facts: Facts,
  wishes: Wishes,
  remedies: readonly Remedy[] = catalog,
): PlanReport {
  const view = viewOf(facts);
  const diagnosis = diagnose(facts, rules);
  const judged = remedies.map((remedy) => judge(remedy, view, diagnosis, wishes));
  const ofKind = (kind: Remedy["kind"]) => judged.filter(({ remedy }) => remedy.kind === kind);
  const ways = ranked(ofKind("way"), wishes);
  const cleanUps = ofKind("clean-up").filter(({ answer }) => answer === "possible");
  const leftOut = ofKind("way").filter((one) => !ways.includes(one));
  const { verdict } = reportOf(facts);
  const works = verdict.outcome === "works";
  const [best] = ways;
  // What computes without ROCm does not care for what is in ROCm's way.
  const first = best && best.remedy.standsOn !== "rocm" ? [] : cleanUps;
  const beside = works && trainsWithoutBatchNorm(diagnosis, wishes) ? ways.filter(isLayers) : [];
  const chosen = works ? [...cleanUps, ...beside] : [...first, ...(best ? [best] : [])];
  return {
    schema: "rekindle-plan/1",
    wishes,
    card: cardOf(facts),
    verdict: verdict.sentence,
    works,
    path: chosen.map(({ remedy }) => remedy.id),
    summary: works
      ? healthy(verdict.sentence, cleanUps, beside)
      : best
        ? summaryOf(best, first)
        : noWay,
    ways: ways.map((one, i) => reported(one, i === 0 ? undefined : whyLower(one, best!, wishes))),
    cleanUps: cleanUps.map((one) => reported(one)),
    leftOut: leftOut.map((one) => reported(one)),
    experts: ofKind("expert").map((one) => reported(one)),
  };
}

const noWay: PlanReport["summary"] = [
  ["none", "nothing in the catalogue fits this machine and these wishes: see what is against each"],
];

/** Whether convolutions work but training will fail: PyTorch's BatchNorm trains through MIOpen. */
const trainsWithoutBatchNorm = ({ found }: Diagnosis, { want }: Wishes) =>
  want === "train" && found.some(({ rule }) => rule.id === "batchnorm-training");

/** The layers that compute what MIOpen cannot, in the PyTorch that is there. */
const isLayers = ({ remedy }: Judged) => remedy.id === "rekindle-torch";

/** It works; what lies about may still get in the way of other shells, or of training. */
function healthy(
  sentence: string,
  cleanUps: readonly Judged[],
  beside: readonly Judged[],
): PlanReport["summary"] {
  const fixes = (list: readonly Judged[]) => {
    return list.map(({ remedy }) => `rekindle fix ${remedy.id}`).join(", then ");
  };
  const tidy = fixes(cleanUps);
  const train = fixes(beside);
  return [
    ["doctor", sentence],
    ...(tidy === "" ? [] : [["tidy up", tidy] as const]),
    ...(train === "" ? [] : [["training", `BatchNorm fails in MIOpen: ${train}`] as const]),
  ];
}

/** What, why, at what cost, with which risk, and how. */
function summaryOf(
  { remedy, cost, obstacles }: Judged,
  first: readonly Judged[],
): PlanReport["summary"] {
  const [source] = remedy.sources;
  const certainty = certaintyWords[remedy.certainty].toLowerCase();
  const before = obstacles.map(({ title, does, commands }) =>
    commands[0] ? `${does} (${commands[0].replace(/ +#.*/, "")})` : title.toLowerCase(),
  );
  const todo = [...first.map((one) => one.remedy), remedy].flatMap(({ id, plan, byHand = [] }) =>
    plan ? [`rekindle fix ${id}`] : byHand,
  );
  const shows = remedy.plan ? " (shows it; --yes does it, undo takes it back)" : "";
  return [
    ["what", `${remedy.title}: ${remedy.gives}`],
    ["why", `${certainty}: ${remedy.evidence} (${source.at}, ${source.date})`],
    ["takes", `${costText(cost)}; changes: ${remedy.changes.join(" ")}`],
    ["risk", remedy.risks[0] ?? "none is known"],
    ["do", `${[...before, ...todo].join(", then ")}${shows}`],
  ];
}

/** Above the summary. */
export function headingOf({ works, path }: Pick<PlanReport, "works" | "path">): string {
  if (path.length === 0) return works ? "Nothing to do" : "Nothing fits";
  return works ? "Convolutions work" : "Recommended";
}

/** The ways side by side, the best first, below a line of titles. */
export function overviewOf(ways: readonly ReportedRemedy[]): string[][] {
  const rows = ways.map(({ id, service, certainty, cost, fp16 }, i) => [
    `${i + 1}`,
    id,
    service,
    certainty,
    fp16 === "unknown" ? "?" : fp16,
    timeText(cost),
    gigabytes(cost.downloadBytes),
    gigabytes(cost.diskBytes),
    cost.root ? "yes" : "no",
  ]);
  return [
    ["", "way", "serves it", "certainty", "fp16", "time", "download", "disk", "root"],
    ...rows,
  ];
}

export const certaintyWords = {
  confirmed: "Confirmed by source",
  reported: "Reported by users",
  inferred: "Inferred, reported by nobody",
} as const;

/** "5 to 60 min, 4 GB to download, 12 GB of disk (16 GB on the way), no root" */
export function costText(cost: Cost): string {
  return [
    timeText(cost),
    cost.downloadBytes > 0 ? `${gigabytes(cost.downloadBytes)} to download` : "no download",
    ...(cost.diskBytes > 0 ? [diskText(cost)] : []),
    ...(cost.memoryBytes ? [`${gigabytes(cost.memoryBytes)} of memory`] : []),
    cost.root ? "root" : "no root",
    ...(cost.restart ? ["a restart"] : []),
  ].join(", ");
}

const diskText = ({ diskBytes, diskBytesMax = 0 }: Cost) =>
  `${gigabytes(diskBytes)} of disk` +
  (diskBytesMax > diskBytes ? ` (${gigabytes(diskBytesMax)} on the way)` : "");

/** "5 to 60 min", "5 min to 3 h", "5 to 16 h" */
export function timeText({ minutes: [least, most] }: Cost): string {
  if (least === most) return minutes(most);
  const [from, unit] = minutes(least).split(" ");
  const to = minutes(most);
  return to.endsWith(` ${unit}`) || least === 0 ? `${from} to ${to}` : `${from} ${unit} to ${to}`;
}

function cardOf(facts: Facts): string {
  const card = mainCard(facts);
  const gpu = card === undefined ? undefined : facts.gpus?.[card];
  if (!gpu) return facts.gpus ? "no AMD card" : "card not known";
  return `${gpu.name ?? gpu.chip ?? "AMD card"} (${gpu.gfx ?? "target not known"})`;
}

function reported(judged: Judged, lower?: string): ReportedRemedy {
  const { remedy, ...rest } = judged;
  const { id, title, kind, gives, certainty, evidence, sources, fp16, changes, risks } = remedy;
  const head = { id, title, kind, gives, certainty, evidence, sources, fp16 };
  return {
    ...head,
    ...rest,
    changes,
    risks,
    ...(remedy.byHand && { byHand: remedy.byHand }),
    ...(lower !== undefined && { lower }),
  };
}
