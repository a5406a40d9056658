import { z } from "zod";
import { parseBaseline } from "../bench/index.ts";
import { RekindleError } from "../errors.ts";
import { criterionIds, titles, type Verdict } from "./criteria.ts";

/** Milliseconds; the spread is left out where nobody wrote it down. */
export interface ComparedMs {
  readonly median: number;
  readonly low?: number;
  readonly high?: number;
}

/** A time that another file may hold as well. */
interface Measure {
  /** Equal where the same thing was measured in the same way. */
  readonly key: string;
  readonly what: "conv" | "model";
  readonly name: string;
  readonly ms: ComparedMs;
}

/** A file of results, in one form for all kinds. */
export interface Results {
  /** "rekindle on AMD Radeon RX 5600 XT". */
  readonly title: string;
  readonly measures: ReadonlyMap<string, Measure>;
  readonly verdicts?: ReadonlyMap<string, Verdict>;
}

/** The same thing in two files. */
export interface ComparedTime {
  readonly key: string;
  readonly what: "conv" | "model";
  readonly first: ComparedMs;
  readonly second: ComparedMs;
  /** How many times as fast the second is. */
  readonly speedUp: number;
  /** What the spreads of both leave open; undefined where one has none. */
  readonly range?: readonly [number, number];
  /** The range holds 1: the difference may be chance. Undefined without spreads. */
  readonly isNoise?: boolean;
}

export interface CompareReport {
  readonly schema: "rekindle-compare/1";
  readonly first: string;
  readonly second: string;
  readonly times: readonly ComparedTime[];
  /** Geometric means of how many times as fast the second is. */
  readonly meanSpeedUp: Readonly<Partial<Record<"conv" | "model", number>>>;
  /** Things that one of the files alone has. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
  readonly verdicts: readonly {
    readonly title: string;
    readonly first: Verdict;
    readonly second: Verdict;
  }[];
}

const spread = z.object({ median: z.number().positive(), low: z.number(), high: z.number() });
const device = z.object({ name: z.string() });
const verdict = z.enum(["met", "not met", "not shown"]);

const validated = z.object({
  schema: z.literal("rekindle-validate/1"),
  subject: z.string(),
  device: z.string(),
  criteria: z.array(z.object({ id: z.enum(criterionIds), verdict })),
  times: z.array(
    z.object({
      what: z.enum(["layer", "model"]),
      name: z.string(),
      batch: z.number(),
      imageSize: z.number().optional(),
      ms: spread,
    }),
  ),
});

const about = { name: z.string(), batch: z.number(), precision: z.string() };
const failed = z.object({ kind: z.string() });
const benched = z.object({
  what: z.enum(["conv", "model", "sweep"]),
  version: z.string(),
  device,
  convs: z.array(z.union([failed, z.object({ ...about, onDeviceMs: spread })])),
  models: z.array(
    z.union([
      failed,
      z.object({
        ...about,
        size: z.array(z.number()).optional(),
        onDeviceMs: spread.nullable(),
        wholeMs: spread,
      }),
    ]),
  ),
});

/**
 * Reads what `rekindle validate --json` and `rekindle bench --json` wrote, and stored baselines.
 * Throws "file-invalid" for anything else.
 */
export function readResults(text: string, path: string): Results {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new RekindleError("file-invalid", `${path} is no JSON`, { cause });
  }
  const ofValidate = validated.safeParse(value);
  if (ofValidate.success) return fromValidate(ofValidate.data);
  const ofBench = benched.safeParse(value);
  if (ofBench.success) return fromBench(ofBench.data);
  const { format } = z.object({ format: z.string() }).safeParse(value).data ?? {};
  if (format === "rekindle-baseline") return fromBaseline(text, path);
  throw new RekindleError("file-invalid", `${path} holds no results that can be compared`, {
    fix: "pass files of rekindle validate --json, rekindle bench --json, or bench/baselines",
  });
}

interface Named {
  readonly what: "conv" | "model";
  readonly name: string;
  readonly batch: number;
  readonly precision: string;
  readonly size?: readonly number[] | undefined;
  readonly measure: "on device" | "whole";
}

function measureOf(named: Named, ms: ComparedMs): Measure {
  const { what, name, batch, precision, size, measure } = named;
  const side = size === undefined ? "" : ` ${size.join("x")}`;
  const whole = measure === "whole" ? ", whole run" : "";
  return { key: `${name}${side} x${batch} ${precision}${whole}`, what, name, ms };
}

const byKey = (measures: readonly Measure[]) => new Map(measures.map((m) => [m.key, m]));

function fromValidate(report: z.infer<typeof validated>): Results {
  const measures = report.times.map(({ what, name, batch, imageSize, ms }) => {
    const size = imageSize === undefined ? undefined : [imageSize, imageSize];
    const kind = what === "layer" ? "conv" : "model";
    return measureOf({ what: kind, name, batch, precision: "f32", size, measure: "on device" }, ms);
  });
  return {
    title: `${report.subject} on ${report.device}`,
    measures: byKey(measures),
    verdicts: new Map(report.criteria.map(({ id, verdict }) => [id, verdict])),
  };
}

function fromBench({ version, device, convs, models }: z.infer<typeof benched>): Results {
  const ofConvs = convs.flatMap((row) =>
    "kind" in row
      ? []
      : [measureOf({ ...row, what: "conv", measure: "on device" }, row.onDeviceMs)],
  );
  const ofModels = models.flatMap((row) => {
    if ("kind" in row) return [];
    const whole = measureOf({ ...row, what: "model", measure: "whole" }, row.wholeMs);
    // Where the CPU is the device, nothing has to be moved to it.
    const onDevice = row.onDeviceMs ?? row.wholeMs;
    return [measureOf({ ...row, what: "model", measure: "on device" }, onDevice), whole];
  });
  const title = `rekindle ${version} on ${device.name}`;
  return { title, measures: byKey([...ofConvs, ...ofModels]) };
}

/** Of several ways to run the same thing the fastest counts. */
function fromBaseline(text: string, path: string): Results {
  const { title, machine, times } = parseBaseline(text, path);
  const slowestFirst = times.toSorted((a, b) => b.ms.median - a.ms.median);
  const measures = slowestFirst.map(({ ms: { median, low, high }, ...named }) => {
    const ms = { median, ...(low !== undefined && { low }), ...(high !== undefined && { high }) };
    return measureOf(named, ms);
  });
  return { title: `${title} on ${machine}`, measures: byKey(measures) };
}

/**
 * Sets two results side by side: what both measured, how many times as fast the second is, and
 * whether their spreads tell the two apart.
 */
export function compareResults(first: Results, second: Results): CompareReport {
  const seen = new Map<ComparedMs, ComparedMs>();
  const times = [...first.measures.values()].flatMap(({ key, what, ms }): ComparedTime[] => {
    const other = second.measures.get(key);
    // On two CPUs a network's whole run and its time on the device are one measurement.
    if (!other || seen.get(ms) === other.ms) return [];
    seen.set(ms, other.ms);
    return [comparedTime(key, what, ms, other.ms)];
  });
  const mean = (what: "conv" | "model") => {
    const logs = times.filter((t) => t.what === what).map((t) => Math.log(t.speedUp));
    if (logs.length === 0) return {};
    return { [what]: Math.exp(logs.reduce((a, b) => a + b, 0) / logs.length) };
  };
  const verdicts = criterionIds.flatMap((id) => {
    const [a, b] = [first.verdicts?.get(id), second.verdicts?.get(id)];
    return a && b ? [{ title: titles[id], first: a, second: b }] : [];
  });
  return {
    schema: "rekindle-compare/1",
    first: first.title,
    second: second.title,
    times,
    meanSpeedUp: { ...mean("conv"), ...mean("model") },
    onlyFirst: countOfOthers(first, second),
    onlySecond: countOfOthers(second, first),
    verdicts,
  };
}

/** What one has measured and the other has not. */
const countOfOthers = (one: Results, other: Results) =>
  [...one.measures.keys()].filter((key) => !other.measures.has(key)).length;

function comparedTime(
  key: string,
  what: "conv" | "model",
  first: ComparedMs,
  second: ComparedMs,
): ComparedTime {
  const both = { key, what, first, second, speedUp: first.median / second.median };
  const { low, high } = first;
  const { low: otherLow, high: otherHigh } = second;
  if (low === undefined || high === undefined || !otherLow || !otherHigh) return both;
  const range = [low / otherHigh, high / otherLow] as const;
  return { ...both, range, isNoise: range[0] <= 1 && range[1] >= 1 };
}
