import type { Subject } from "../../bench/measure-model.ts";
import type { Spread } from "../../bench/statistics.ts";
import type { Config } from "../../kernels/kernel.ts";
import type { DeviceSummary, Precision } from "../../session/index.ts";
import { formatShape } from "../../tensor/index.ts";
import type { GpuDevice, TunedNetwork } from "../../tune/tune-network.ts";
import type { SharedProblem, TunedProblem } from "../../tune/tune-problems.ts";
import { configText } from "../../tunings/lookup.ts";
import type { Io } from "../io.ts";
import { facts, formatMs, plural, significant, table } from "../text.ts";

/** What came of one problem, for people and for scripts. Times in milliseconds. */
interface Row {
  readonly problem: string;
  /** A short name: "Conv 1x56x56x64 by 64x64x3x3". */
  readonly name: string;
  readonly nodes: number;
  readonly outcome: "faster" | "default" | "stored" | "untuned" | "no time";
  /** Why it is "untuned". */
  readonly reason?: string;
  readonly default?: Choice;
  readonly chosen?: Choice;
  readonly candidates?: number;
  readonly measured?: number;
  readonly rejected?: readonly Omit<Choice & { readonly why: string }, "timeMs">[];
  /** The default choice itself gives wrong numbers. */
  readonly isDefaultWrong?: boolean;
}

interface Choice {
  readonly kernel: string;
  readonly config: Config;
  readonly timeMs: number;
}

/** What `rekindle tune MODEL` tells. */
export interface TuneReport {
  readonly model: string;
  readonly batch: number;
  readonly precision: Precision;
  readonly device: DeviceSummary & { readonly driver: string };
  readonly problems: readonly Row[];
  /** Milliseconds of a run on the device; `gain` is how many times as fast it is with tunings. */
  readonly network: { readonly defaultMs: Spread; readonly tunedMs: Spread; readonly gain: number };
  /** False where the network as a whole became slower, so that the defaults were stored. */
  readonly isGain: boolean;
  readonly storedIn: string;
}

export function reportOf(of: {
  readonly model: string;
  readonly subject: Subject;
  readonly precision: Precision;
  readonly device: GpuDevice;
  readonly result: TunedNetwork;
  readonly path: string;
}): TuneReport {
  const { model, subject, precision, device, result, path } = of;
  const { defaultMs, tunedMs, isGain } = result;
  return {
    ...{ model, batch: subject.batch, precision },
    device: { ...device.summary, driver: device.gpu.info.description },
    problems: [...result.problems.map(rowOf), ...result.covered.map(coveredRow)],
    network: { defaultMs, tunedMs, gain: defaultMs.median / tunedMs.median },
    ...{ isGain, storedIn: path },
  };
}

const aboutOf = ({ key, node, problem, nodes }: SharedProblem) => {
  const known = problem.constants.find((t) => t && t.dims.length > 1);
  const by = known ? ` by ${formatShape(known.dims)}` : "";
  const input = problem.inputs[0]!;
  return { problem: key, name: `${node.op} ${formatShape(input.dims)}${by}`, nodes };
};

const coveredRow = (problem: SharedProblem): Row => ({ ...aboutOf(problem), outcome: "stored" });

function rowOf(problem: TunedProblem): Row {
  const about = aboutOf(problem);
  const { result } = problem;
  if (!result) return { ...about, outcome: "no time" };
  const { best, default: first, untuned, candidates, measured, isDefaultWrong } = result;
  const rejected = result.rejected.map(({ kernel, config, why }) => {
    return { kernel: kernel.name, config, why };
  });
  return {
    ...about,
    outcome: best ? (best === first ? "default" : "faster") : "untuned",
    ...(untuned !== undefined && { reason: untuned }),
    ...(first && { default: shownChoice(first) }),
    ...(best && { chosen: shownChoice(best) }),
    ...{ candidates, measured, rejected, isDefaultWrong },
  };
}

const shownChoice = (c: NonNullable<NonNullable<TunedProblem["result"]>["best"]>): Choice => ({
  kernel: c.kernel.name,
  config: c.config,
  timeMs: c.timeMs,
});

/** "1.5 ms -> 1.25 ms, 1.2 times as fast". */
function gainText(before: number, after: number): string {
  const change = before > after ? `, ${significant(before / after)} times as fast` : "";
  return `${formatMs(before)} -> ${formatMs(after)}${change}`;
}

export function renderReport(report: TuneReport, { out }: Io): string {
  const { problems, network, device, isGain } = report;
  const faster = problems.filter((row) => row.outcome === "faster" && row.default && row.chosen);
  const gain = (row: Row) => row.default!.timeMs / row.chosen!.timeMs;
  const lines = table(
    [
      ["problem", "nodes", "default", "chosen", "gain", "choice"],
      ...faster
        .toSorted((a, b) => gain(b) - gain(a))
        .map((row) => [
          row.name,
          String(row.nodes),
          formatMs(row.default!.timeMs),
          formatMs(row.chosen!.timeMs),
          significant(gain(row)),
          changeText(row.default!, row.chosen!),
        ]),
    ],
    "lrrrrl",
  );
  const rows: [string, string][] = [
    ["model", `${report.model}, batch ${report.batch}, ${report.precision}`],
    ["device", `${device.name} (${device.kind}), driver ${device.driver || "unknown"}`],
    ["problems", countsText(problems)],
    ["network", `${gainText(network.defaultMs.median, network.tunedMs.median)}, on the device`],
  ];
  if (!isGain) {
    rows.push(["note", "as a whole the network became slower: the defaults stay its choices"]);
  }
  for (const row of problems.filter((p) => p.isDefaultWrong)) {
    const { kernel, why } = row.rejected![0]!;
    rows.push(["WRONG", `${row.name}: the default kernel ${kernel} ${why}`]);
  }
  rows.push(["stored in", report.storedIn]);
  const head = faster.length > 0 ? `${lines.join("\n")}\n\n` : "";
  return `${head}${facts(rows, out.columns).join("\n")}\n`;
}

/** "conv-gemm tileM=64 tileN=64". */
export const choiceText = (kernel: string, config: Config): string =>
  [kernel, configText(config)].filter((text) => text !== "").join(" ");

/** What is different about a choice: another kernel, or the numbers that changed. */
function changeText(from: Choice, to: Choice): string {
  if (from.kernel !== to.kernel) return `${from.kernel} -> ${choiceText(to.kernel, to.config)}`;
  const names = Object.keys(to.config).filter((name) => to.config[name] !== from.config[name]);
  const changes = names.map((name) => `${name} ${from.config[name]} -> ${to.config[name]}`);
  return `${to.kernel}: ${changes.join(", ")}`;
}

function countsText(problems: readonly Row[]): string {
  const texts: Record<Row["outcome"], string> = {
    faster: "faster",
    default: "best by default",
    stored: "stored before",
    untuned: "with nothing to choose",
    "no time": "left for another call: the time was over",
  };
  const counts = Object.entries(texts).flatMap(([outcome, text]) => {
    const count = problems.filter((row) => row.outcome === outcome).length;
    return count > 0 ? [`${count} ${text}`] : [];
  });
  const measured = problems.reduce((sum, { measured = 0 }) => sum + measured, 0);
  const rejected = problems.reduce((sum, row) => sum + (row.rejected?.length ?? 0), 0);
  const wrong = rejected > 0 ? `, ${rejected} rejected as wrong` : "";
  return `${counts.join(", ")}; ${plural(measured, "candidate")} measured${wrong}`;
}
