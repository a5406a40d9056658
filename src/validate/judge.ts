import { z } from "zod";
import { isFailure, type StepResult } from "../trial/index.ts";
import type { Criterion, CriterionId, Verdict } from "./criteria.ts";
import { titles } from "./criteria.ts";
import type { Found, Judgement } from "./found.ts";
import { groupBy } from "./group-by.ts";
import {
  type Difference,
  firstDifference,
  type HistoryEntry,
  isSound,
  type RepeatOutput,
} from "./history.ts";
import { judgeSpeed } from "./judge-speed.ts";
import { shapesMin, soakMinutesMin } from "./plan.ts";
import type { SensorRange } from "./sensors.ts";

/** Boots on which it has to have passed. */
const bootsMin = 3;

/** The criteria that one run tells of; "reboots" needs their verdicts and comes after. */
export function judgeAll(found: Found): Criterion[] {
  const own: Criterion[] = [
    criterion("convolutions", judgeConvolutions(found)),
    criterion("stability", judgeStability(found)),
    criterion("speed", judgeSpeed(found)),
    criterion("reproducible", judgeRepeats(found)),
    criterion("models", judgeModels(found)),
  ];
  const reboots = criterion("reboots", judgeReboots(found, own));
  return [...own.slice(0, 3), reboots, ...own.slice(3)];
}

function criterion(id: CriterionId, { evidence, against, wouldShow }: Judgement): Criterion {
  const verdict: Verdict = against.length > 0 ? "not met" : wouldShow ? "not shown" : "met";
  return {
    id,
    title: titles[id],
    verdict,
    evidence: [...against, ...evidence],
    ...(verdict === "not shown" && { wouldShow: wouldShow! }),
  };
}

const casesData = z.object({
  checked: z.number(),
  failed: z.number(),
  leftOut: z.number().default(0),
  failures: z.array(z.object({ id: z.string(), what: z.string() })),
});

/** Parts of a criterion with their results, those that were not run without. */
function partsOf({ parts, results }: Found, id: CriterionId) {
  return parts
    .filter(({ criterion }) => criterion === id)
    .map(({ experiment }) => ({ name: experiment.proves, result: results.get(experiment.id) }));
}

/** What lists of cases tell: how many were checked, and what failed. */
function judgeCases(named: ReturnType<typeof partsOf>) {
  const against: string[] = [];
  let checked = 0;
  let leftOut = 0;
  for (const { name, result } of named) {
    if (!result || (!isFailure(result.outcome) && result.outcome !== "passed")) continue;
    const data = casesData.safeParse(result.data).data;
    if (!data) {
      against.push(`${name}: ${reasonOf(result)}`);
      continue;
    }
    checked += data.checked;
    leftOut += data.leftOut;
    if (data.failed > 0) {
      const first = data.failures[0]!;
      const one = `first ${first.id}: ${first.what}`;
      against.push(`${name}: ${data.failed} of ${data.checked} failed, ${one}`);
    }
  }
  const missing = named.filter(({ result }) => !result || !isDone(result));
  return { against, checked, leftOut, missing: missing.map(({ name }) => name) };
}

/** What happened, and the cause that is seen in what was written. */
function reasonOf({ detail, causes = [] }: StepResult): string {
  const [cause] = causes;
  return cause ? `${detail}; ${cause.certainty} cause: ${cause.title}` : detail;
}

const isDone = ({ outcome }: StepResult) => outcome === "passed" || isFailure(outcome);

function judgeConvolutions(found: Found): Judgement {
  const named = partsOf(found, "convolutions");
  const all = judgeCases(named);
  const shapes = judgeCases(named.filter(({ name }) => name.startsWith("shapes")));
  const none = all.leftOut > 0 ? `, ${all.leftOut} left out: no 16-bit floats here` : "";
  const short = shapes.checked < shapesMin || all.missing.length > 0;
  return {
    against: all.against,
    evidence: [
      `${all.checked - shapes.checked} cases of the matrix and ${shapes.checked} drawn shapes ` +
        `were compared with a reference${none}`,
    ],
    wouldShow: short ? `at least ${shapesMin} shapes: run it without --quick` : undefined,
  };
}

const soakData = z.object({
  runs: z.number(),
  seconds: z.number(),
  mismatches: z.array(z.object({ id: z.string(), run: z.number() })),
  residentBytesEarly: z.number(),
  residentBytesLate: z.number(),
});

function judgeStability(found: Found): Judgement {
  const against = [...found.results].flatMap(([id, result]) =>
    ["signal", "hang", "gpu-reset", "machine-died", "over-limit"].includes(result.outcome)
      ? [`${id}: ${reasonOf(result)}`]
      : [],
  );
  const [soak] = partsOf(found, "stability");
  const data = soakData.safeParse(soak?.result?.data).data;
  const isBlind = found.seesKernelLog === false;
  const wanted = `a soak of ${soakMinutesMin} minutes: --soak ${soakMinutesMin}m`;
  if (!data) {
    if (soak?.result?.outcome === "error") against.push(`soak: ${soak.result.detail}`);
    return { against, evidence: ["the soak gave no figures"], wouldShow: wanted };
  }
  const { runs, seconds, mismatches, residentBytesEarly: early, residentBytesLate: late } = data;
  if (mismatches[0]) {
    const { id, run } = mismatches[0];
    against.push(`soak: other numbers than at first, first in run ${run} (${id})`);
  }
  // Caches fill up in the beginning; what grows by half and more after that is a leak.
  if (early > 0 && late > 1.5 * early + 3e8) {
    against.push(`soak: memory grew from ${megabytes(early)} to ${megabytes(late)}`);
  }
  return {
    against,
    evidence: [
      `soak of ${duration(seconds)}: ${runs} ${runs === 1 ? "run" : "runs"} ` +
        "of networks and layers in turn, " +
        `memory ${early > 0 ? `${megabytes(early)} after two rounds, ` : ""}` +
        `${megabytes(late)} at the end`,
      sensorSentence(found.sensors),
      ...(found.seesKernelLog ? ["the kernel's log was watched, and tells of no reset"] : []),
      ...(isBlind ? ["nothing lets this user read the kernel's log: resets may go unseen"] : []),
    ],
    wouldShow: seconds < 60 * soakMinutesMin ? wanted : isBlind ? readableLog : undefined,
  };
}

const readableLog =
  "a user who may read the kernel's log: sudo usermod -aG systemd-journal $USER, and log in again";

const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;
const duration = (seconds: number) =>
  seconds < 120 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;

function sensorSentence({ temperatureC, clockMHz, powerW, memoryBytes }: SensorRange): string {
  const range = (values: readonly [number, number], scale = 1) => {
    const [least, most] = values.map((value) => Math.round(value / scale));
    return least === most ? `${least}` : `${least} to ${most}`;
  };
  const parts = [
    temperatureC && `${range(temperatureC)} degrees Celsius`,
    clockMHz && `clock ${range(clockMHz)} MHz`,
    powerW && `${range(powerW)} W`,
    memoryBytes && `memory of the card ${range(memoryBytes, 1e6)} MB`,
  ].filter(Boolean);
  return parts.length === 0 ? "no sensors of a card could be read" : parts.join(", ");
}

const repeatData = z.object({
  outputs: z.record(
    z.string(),
    z.object({
      digest: z.string(),
      values: z.string(),
      difference: z
        .object({ run: z.number(), index: z.number(), first: z.number(), second: z.number() })
        .optional(),
    }),
  ),
});

/** What each process of the repeats gave. */
export function outputsOf(found: Pick<Found, "parts" | "results">): Record<string, RepeatOutput>[] {
  return found.parts
    .filter(({ criterion }) => criterion === "reproducible")
    .flatMap(({ experiment }) => {
      const data = repeatData.safeParse(found.results.get(experiment.id)?.data).data;
      return data ? [data.outputs] : [];
    });
}

function judgeRepeats(found: Found): Judgement {
  const against: string[] = [];
  const evidence: string[] = [];
  for (const { name, result } of partsOf(found, "reproducible")) {
    const data = repeatData.safeParse(result?.data).data;
    if (!data && result && isFailure(result.outcome)) against.push(`${name}: ${result.detail}`);
    for (const [id, { difference }] of Object.entries(data?.outputs ?? {})) {
      if (!difference) continue;
      const { run, index, first, second } = difference;
      against.push(`${id}: run ${run} gave ${second} at element ${index}, the first ${first}`);
    }
  }
  const [one, other] = outputsOf(found);
  if (one && other) {
    const difference = firstDifference(one, other);
    if (difference) against.push(`another process: ${sentenceOf(difference)}`);
    const count = Object.keys(one).length;
    if (against.length === 0) evidence.push(`${count} cases, bit for bit, in two processes`);
  }
  const others = found.history.filter(({ boot }) => boot !== found.boot);
  const earlier = others.filter(({ outputs }) => Object.keys(outputs).length > 0).at(-1);
  if (one && earlier) {
    const difference = firstDifference(earlier.outputs, one);
    if (difference) against.push(`after a restart: ${sentenceOf(difference)}`);
    else evidence.push("the same bits as before the last restart of the machine");
  }
  const missing = !one || !other || !earlier;
  return {
    against,
    evidence,
    wouldShow: missing ? "a second run after a restart of the machine: --arm" : undefined,
  };
}

function sentenceOf({ id, index, first, second }: Difference): string {
  if (index === undefined) return `${id} differs behind the numbers that are kept`;
  return `${id} differs first at element ${index}: ${first} and ${second}`;
}

function judgeModels(found: Found): Judgement {
  const named = partsOf(found, "models");
  const models = judgeCases(named.filter(({ name }) => name === "models"));
  const against = [...models.against];
  const evidence = [`${models.checked} networks, forward, compared with the CPU`];
  const training = named.find(({ name }) => name === "training")?.result;
  if (training) {
    const losses = z
      .object({ losses: z.array(z.number()), cpuLosses: z.array(z.number()) })
      .safeParse(training.data).data;
    const end = (values: readonly number[]) => values.at(-1)!.toPrecision(3);
    const sentence = losses
      ? `training of a small network: loss ${end(losses.losses)}, ` +
        `on the CPU ${end(losses.cpuLosses)}`
      : `training: ${training.detail}`;
    (isFailure(training.outcome) ? against : evidence).push(sentence);
  }
  const small = found.extent.imageSize < 224;
  const wanted = "pictures of 224 pixels: run it without --quick";
  return {
    against,
    evidence,
    wouldShow: small || models.missing.length > 0 ? wanted : undefined,
  };
}

function judgeReboots(found: Found, own: readonly Criterion[]): Judgement {
  const verdicts = Object.fromEntries(own.map(({ id, verdict }) => [id, verdict]));
  const present = { boot: found.boot, verdicts } as Pick<HistoryEntry, "boot" | "verdicts">;
  const byBoot = groupBy([...found.history, present as HistoryEntry], ({ boot }) => boot);
  const boots = [...byBoot.values()].map((entries) => entries.every(isSound));
  const passed = boots.filter(Boolean).length;
  const sentence = `passed on ${passed} of ${boots.length} boot${boots.length === 1 ? "" : "s"}`;
  if (passed < boots.length) return { against: [sentence], evidence: [] };
  const more = bootsMin - passed;
  return {
    against: [],
    evidence: [sentence],
    wouldShow: more > 0 ? `${more} more: --arm ${more} goes on after restarts` : undefined,
  };
}
