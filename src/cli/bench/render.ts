import {
  type BenchReport,
  type Comparison,
  type ConvTime,
  geometricMean,
  hasTime,
  type LayerTime,
  type ModelTime,
  type Spread,
} from "../../bench/index.ts";
import { type Output, paint } from "../io.ts";
import { facts, formatBytes, formatMs, plural, significant, table, wrap } from "../text.ts";

/** A report as text: the device, then tables, then what was left out. */
export function renderReport(report: BenchReport, out: Output): string {
  const convs = report.convs.filter(hasTime) as ConvTime[];
  const models = report.models.filter(hasTime) as ModelTime[];
  const blocks = [
    facts(deviceRows(report), out.columns),
    convs.length > 0 ? convTable(convs) : [],
    models.length > 0 ? modelTable(models) : [],
    ...models.map((model) => layerTable(model, out)),
    comparisonTable(report),
    notesOf(report).flatMap((note) => wrap(`note: ${note}`, Math.max(40, out.columns))),
  ];
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

function deviceRows({ device, precision, roofline, convs, models }: BenchReport) {
  const kind = device.kind === "cpu" ? "" : ` (${device.kind})`;
  const rows: [string, string][] = [["device", `${device.name}${kind}: ${device.reason}`]];
  if (device.driver) rows.push(["driver", device.driver]);
  rows.push(["precision", precision]);
  if (roofline) {
    const { f32, f16 } = roofline.flopPerSecond;
    const half = f16 === undefined ? "" : `, ${rate(f16, "FLOP/s")} in float16`;
    rows.push(["peak", `${rate(f32, "FLOP/s")} in float32${half}`]);
    const [least, largest] = [roofline.bandwidth[0]!, roofline.bandwidth.at(-1)!];
    rows.push([
      "bandwidth",
      `${rate(largest.bytesPerSecond, "B/s")} for copies of ${formatBytes(largest.bytes)}, ` +
        `${rate(least.bytesPerSecond, "B/s")} for ${formatBytes(least.bytes)}`,
    ]);
  }
  const conv = convs.find(hasTime) as ConvTime | undefined;
  const model = models.find(hasTime) as ModelTime | undefined;
  if (conv) {
    const clock = conv.clock === "timestamps" ? "the GPU's timestamps" : "the wall clock";
    rows.push(["times", `median of ${conv.onDeviceMs.count} samples, by ${clock}`]);
  } else if (model) {
    rows.push(["times", `median of ${plural(model.wholeMs.count, "run")}, by the wall clock`]);
  }
  return rows;
}

/** "51.2 TFLOP/s". */
function rate(perSecond: number, unit: string): string {
  const prefixes = ["", "k", "M", "G", "T", "P"];
  const at = Math.max(0, Math.min(prefixes.length - 1, Math.floor(Math.log10(perSecond) / 3)));
  return `${significant(perSecond / 1000 ** at)} ${prefixes[at]}${unit}`;
}

const percent = (part: number) =>
  `${part < 0.0995 ? (100 * part).toFixed(1) : Math.round(100 * part)} %`;

/** Three digits, so that columns are as wide for all. */
const digits = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

const range = ({ low, high }: Spread) => `${digits(low)}..${digits(high)}`;

/** A unit of operations per second that suits the fastest, and rates as text in it. */
function rateColumn(teraflops: readonly number[]) {
  const [scale, unit] = Math.max(...teraflops) >= 1 ? [1, "TFLOP/s"] : [1000, "GFLOP/s"];
  return { unit, text: (teraflop: number) => digits(scale * teraflop) };
}

function convTable(rows: readonly ConvTime[]): string[] {
  const { kind } = rows[0]!.onDeviceMs;
  const { unit, text } = rateColumn(rows.map((row) => row.teraflopPerSecond));
  const head = ["layer", "batch", "ms", kind, unit, "GB/s", "roofline", "error", "kernel"];
  const cells = rows.map((row) => [
    row.name,
    `${row.batch}`,
    digits(row.onDeviceMs.median),
    range(row.onDeviceMs),
    text(row.teraflopPerSecond),
    digits(row.gigabytesPerSecond),
    percent(row.ofRoofline),
    row.check.relativeL2.toExponential(1),
    kernelOf(row),
  ]);
  return table([head, ...cells], "lrrrrrrrl");
}

/** "conv-gemm 64x64x16 /4": the tile, and the parts of its sum where it is cut. */
function kernelOf({ kernel, config }: ConvTime): string {
  const { tileM, tileN, depth, splits } = config;
  if (tileM === undefined) return kernel;
  const parts = splits !== undefined && Number(splits) > 1 ? ` /${splits}` : "";
  return `${kernel} ${tileM}x${tileN}x${depth}${parts}`;
}

function modelTable(rows: readonly ModelTime[]): string[] {
  const { kind } = rows[0]!.wholeMs;
  const rateOf = (row: ModelTime) => row.flop / (row.onDeviceMs ?? row.wholeMs).median / 1e9;
  const { unit, text } = rateColumn(rows.map(rateOf));
  const head = ["network", "batch", "whole ms", kind, "on device ms", kind, unit, "roofline"];
  const cells = rows.map((row) => {
    const own = row.onDeviceMs ?? row.wholeMs;
    return [
      row.name,
      `${row.batch}`,
      digits(row.wholeMs.median),
      range(row.wholeMs),
      row.onDeviceMs ? digits(row.onDeviceMs.median) : "-",
      row.onDeviceMs ? range(row.onDeviceMs) : "-",
      text(rateOf(row)),
      row.boundMs === undefined ? "-" : percent(row.boundMs / own.median),
      row.error === undefined ? "-" : row.error.toExponential(1),
    ];
  });
  return table([[...head, "error"], ...cells], "lrrrrrrrr");
}

function layerTable({ name, batch, layers, onDeviceMs }: ModelTime, out: Output): string[] {
  if (!layers) return [];
  const total = layers.reduce((sum, { ms }) => sum + ms.median, 0);
  const rateOf = (layer: LayerTime) => layer.flop / layer.ms.median / 1e9;
  const { unit, text } = rateColumn(layers.map(rateOf));
  const head = ["layer", "output", "us", "share", unit, "GB/s", "roofline", "dispatches"];
  const cells = layers.map((layer) => [
    layer.name,
    layer.dims.join("x"),
    digits(1000 * layer.ms.median),
    percent(layer.ms.median / total),
    layer.flop > 0 ? text(rateOf(layer)) : "-",
    digits(layer.bytes / layer.ms.median / 1e6),
    percent(layer.ofRoofline),
    dispatchesOf(layer),
  ]);
  const whole = onDeviceMs ? `, all together on the device ${formatMs(onDeviceMs.median)}` : "";
  const count = plural(layers.length, "layer");
  const title = `${name}, batch ${batch}: ${count}, each repeated by itself`;
  return [
    paint(out, "bold", title),
    ...table([head, ...cells], "llrrrrrl"),
    `sum ${formatMs(total)}${whole}`,
  ];
}

function dispatchesOf({ labels, dispatches }: LayerTime): string {
  return labels.length === dispatches ? labels.join(", ") : `${labels.join(", ")} (${dispatches})`;
}

function comparisonTable({ convs, models }: BenchReport): string[] {
  const rows = [...convs, ...models].flatMap((row) =>
    row.comparisons.map((comparison) => ({ name: row.name, batch: row.batch, ...comparison })),
  );
  if (rows.length === 0) return [];
  const head = ["", "batch", "times", "here ms", "compared with", "", "ms", "times as fast"];
  const cells = rows.map((row) => [
    row.name,
    `${row.batch}`,
    row.measure,
    digits(row.ownMs),
    row.title,
    row.how,
    digits(row.otherMs),
    digits(row.speedUp),
  ]);
  return [...table([head, ...cells], "lrlrllrr"), ...means(rows)];
}

/** One line for each kind of comparison: the geometric mean over what both have measured. */
function means(rows: readonly Comparison[]): string[] {
  const groups = new Map<string, number[]>();
  for (const { title, measure, machine, speedUp } of rows) {
    const where = machine === undefined ? "" : ` (measured on ${machine})`;
    const key = `${title}, ${measure}${where}`;
    groups.set(key, [...(groups.get(key) ?? []), speedUp]);
  }
  return [...groups].map(
    ([key, speedUps]) =>
      `${digits(geometricMean(speedUps))} times as fast as ${key}: ` +
      `geometric mean of ${speedUps.length}, ${digits(Math.min(...speedUps))} to ` +
      digits(Math.max(...speedUps)),
  );
}

function notesOf({ device, convs, models, notes }: BenchReport): string[] {
  const emulated =
    device.kind === "software"
      ? ["a CPU emulates this GPU: its times say nothing about any card"]
      : [];
  const failures = [...convs, ...models].flatMap((row) => {
    const about = `${row.name}, batch ${row.batch}`;
    if ("kind" in row) {
      return [`${about} ${row.kind === "wrong" ? "is WRONG" : "was not run"}: ${row.reason}`];
    }
    const refused = "refused" in row ? Object.entries(row.refused) : [];
    return refused.map(([engine, why]) => `${about}: ${engine} was not run: ${why}`);
  });
  return [...emulated, ...failures, ...notes];
}
