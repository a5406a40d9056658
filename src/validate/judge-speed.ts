import { z } from "zod";
import type { MeasuredTime } from "./criteria.ts";
import type { Found, Judgement } from "./found.ts";
import { groupBy } from "./group-by.ts";

/** The least part of the optimum. */
const ofOptimumMin = 0.8;

const ratesData = z.object({
  flopPerSecond: z.number(),
  flopBy: z.string(),
  bytesPerSecond: z.number(),
  bytesBy: z.string(),
  refused: z.array(z.string()).default([]),
});

/** Layers by class and networks, each by the least that the measured device could take. */
export function judgeSpeed({ times, extent, isEmulated, results, parts }: Found): Judgement {
  const wanted = isEmulated ? "a run on a card, without --quick" : "a run without --quick";
  const part = parts.find((p) => p.criterion === "speed");
  const result = part && results.get(part.experiment.id);
  const rates = ratesData.safeParse(result?.data).data;
  if (times.length === 0 || !rates) {
    const why = result && result.outcome !== "passed" ? `: ${result.detail}` : "";
    return { against: [], evidence: [`speed was not measured${why}`], wouldShow: wanted };
  }
  const evidence = [
    "optimum: for each layer the longer of its arithmetic at " +
      `${significant(rates.flopPerSecond / 1e9)} GFLOP/s (${rates.flopBy}) and its bytes, each ` +
      `moved once, at ${significant(rates.bytesPerSecond / 1e9)} GB/s (${rates.bytesBy})`,
  ];
  const against = rates.refused.map((reason) => `has no time: ${reason}`);
  const judge = (name: string, group: readonly MeasuredTime[]) => {
    const ratio = sum(group.map((t) => t.boundMs)) / sum(group.map((t) => t.ms.median));
    const sentence = `${name}: ${Math.round(100 * ratio)} % of the optimum`;
    (ratio >= ofOptimumMin ? evidence : against).push(sentence);
  };
  const classes = groupBy(
    times.filter((time) => time.what === "layer"),
    (time) => time.class ?? "other",
  );
  for (const [name, group] of classes) judge(`layers ${name} (${group.length})`, group);
  for (const time of times) if (time.what === "model") judge(`${time.name} x${time.batch}`, [time]);
  // What emulates a card says nothing of one, and small pictures do not load what there is.
  const proves = !isEmulated && extent.imageSize >= 224;
  if (!proves) return { against: [], evidence: [...evidence, ...against], wouldShow: wanted };
  return { against, evidence };
}

/** Three digits: rates are no more exact. */
const significant = (value: number) => `${Number(value.toPrecision(3))}`;
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
