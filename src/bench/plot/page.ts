import { parseLayer } from "../conv-layer.ts";
import type { ConvTime } from "../measure-conv.ts";
import type { ModelTime } from "../measure-model.ts";
import { type BenchReport, hasTime } from "../report.ts";
import { type SpeedUps, speedUpChart, type TimeBar, timeChart } from "./bar-charts.ts";
import { type Chart, drawSvg, stackSvgs } from "./draw.ts";
import { type RooflinePoint, rooflineChart } from "./roofline-chart.ts";

/** A report as pictures: the text of an .svg or .html file, by the name of the file. */
export function plotReport(report: BenchReport, fileName: string): string {
  const charts = chartsOf(report);
  return /\.svg$/i.test(fileName) ? stackSvgs(charts) : pageOf(report, charts);
}

function chartsOf(report: BenchReport): Chart[] {
  const { device, precision, roofline } = report;
  const convs = report.convs.filter(hasTime) as ConvTime[];
  const models = report.models.filter(hasTime) as ModelTime[];
  const charts: Chart[] = [];
  const points = [...convs.map(pointOfConv), ...models.flatMap(pointsOfModel)];
  if (roofline && points.length > 0) {
    charts.push(rooflineChart(device.name, precision, roofline, points));
  }
  const about = `${device.name}, ${precision}`;
  for (const batch of new Set(convs.map((conv) => conv.batch))) {
    const bars = convs.filter((conv) => conv.batch === batch).map(barOfConv);
    charts.push(timeChart(`Time per layer, batch ${batch}`, `${about}, on the device`, bars));
  }
  if (models.length > 0) {
    const whole = `${about}, whole runs: from the CPU's memory to the CPU's memory`;
    charts.push(timeChart("Time per network", whole, models.map(barOfModel)));
  }
  for (const model of models) {
    const subtext = `${about}, each layer repeated by itself`;
    const title = `Time per layer: ${model.name}, batch ${model.batch}`;
    if (model.layers) charts.push(timeChart(title, subtext, barsOfLayers(model)));
  }
  const compared = [...report.convs, ...report.models].flatMap(speedUpsOf);
  if (compared.length > 0) charts.push(speedUpChart(about, compared));
  return charts;
}

const withBatch = (name: string, batch: number) => (batch === 1 ? name : `${name} x${batch}`);

function pointOfConv({ name, batch, flop, bytes, onDeviceMs }: ConvTime): RooflinePoint {
  return {
    name: withBatch(name, batch),
    group: classOf(name),
    intensity: flop / bytes,
    flopPerSecond: (1000 * flop) / onDeviceMs.median,
  };
}

/** What kind of convolution a layer is, for colours. */
function classOf(name: string): string {
  const layer = parseLayer(name)!;
  if (layer.G === layer.C && layer.G > 1) return "depthwise";
  if (layer.G > 1) return "in groups";
  return layer.dilation > 1 ? "dilated" : `${layer.R}x${layer.S}`;
}

function pointsOfModel({ name, batch, layers = [] }: ModelTime): RooflinePoint[] {
  const counted = layers.filter(({ flop }) => flop > 0);
  return counted.map((layer) => ({
    name: layer.name,
    group: withBatch(name, batch),
    intensity: layer.flop / layer.bytes,
    flopPerSecond: (1000 * layer.flop) / layer.ms.median,
  }));
}

function barOfConv({ name, onDeviceMs, boundMs }: ConvTime): TimeBar {
  return { name, ms: onDeviceMs.median, boundMs };
}

function barOfModel({ name, batch, wholeMs, boundMs }: ModelTime): TimeBar {
  const bound = boundMs === undefined ? {} : { boundMs };
  return { name: withBatch(name, batch), ms: wholeMs.median, ...bound };
}

function barsOfLayers({ layers = [] }: ModelTime): TimeBar[] {
  return layers.map(({ name, op, dims, ms, boundMs }) => {
    const shown = name.length > 34 ? `${name.slice(0, 33)}\u2026` : name;
    return { name: `${shown}  ${op}  ${dims.join("x")}`, ms: ms.median, boundMs };
  });
}

function speedUpsOf({
  name,
  batch,
  comparisons,
}: BenchReport["convs"][number] | BenchReport["models"][number]): SpeedUps[] {
  if (comparisons.length === 0) return [];
  const values = Object.fromEntries(
    comparisons.map(({ title, measure, how, machine, speedUp }) => {
      const where = machine === undefined ? "" : `, ${machine}`;
      return [`${title} (${measure}, ${how}${where})`, speedUp];
    }),
  );
  return [{ name: withBatch(name, batch), values }];
}

function pageOf(report: BenchReport, charts: readonly Chart[]): string {
  const { device, what, version, measuredAt, notes } = report;
  const emulated =
    device.kind === "software"
      ? ["A CPU emulates this GPU: its times say nothing about any card."]
      : [];
  const failures = [...report.convs, ...report.models].flatMap((row) =>
    "kind" in row ? [`${withBatch(row.name, row.batch)} has no time: ${row.reason}`] : [],
  );
  const remarks = [...emulated, ...failures, ...notes].map((text) => `<li>${escaped(text)}</li>`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>rekindle bench ${what}: ${escaped(device.name)}</title>
<style>
  body { font: 15px/1.5 sans-serif; color: #222; max-width: 1020px; margin: 2em auto;
    padding: 0 1em }
  figure { margin: 1.5em 0; border: 1px solid #e4e4e4; overflow-x: auto }
  svg { display: block }
</style>
</head>
<body>
<h1>rekindle bench ${what}</h1>
<p>${escaped([device.name, device.driver].filter(Boolean).join(", "))}; ${report.precision};
rekindle ${escaped(version)}; ${measuredAt.slice(0, 16).replace("T", " ")} UTC</p>
<ul>${remarks.join("\n")}</ul>
${charts.map((chart) => `<figure>\n${drawSvg(chart)}\n</figure>`).join("\n")}
</body>
</html>
`;
}

function escaped(text: string): string {
  const names: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (c) => names[c]!);
}
