import type { Precision } from "../../session/types.ts";
import type { Bandwidth, Roofline } from "../roofline.ts";
import {
  axisStyle,
  type Chart,
  chartWidth,
  colors,
  frame,
  legendOf,
  seriesColors,
  shortNumber,
  widthOfText,
} from "./draw.ts";
import { freeLabels } from "./free-labels.ts";

/** A piece of work in the plane of the roofline. */
export interface RooflinePoint {
  readonly name: string;
  readonly group: string;
  /** Operations per byte, and per second. */
  readonly intensity: number;
  readonly flopPerSecond: number;
}

/** Decades of a logarithmic axis that hold all values. */
function decades(values: readonly number[]): [number, number] {
  const low = Math.floor(Math.log10(Math.min(...values)) * 4) / 4;
  const high = Math.ceil(Math.log10(Math.max(...values)) * 4) / 4;
  return [10 ** low, 10 ** high];
}

const height = 600;
const grid = { left: 80, right: 40, top: 110, bottom: 60 };

const roofStyles = ["solid", "dashed"] as const;

/** The name of a line, written at one of its ends. */
function roofLabel(text: string, position: "left" | "right", offset: [number, number]) {
  return { show: text !== "", formatter: text, position, offset, fontSize: 11, color: colors.ink };
}

/** Labels at powers of ten alone: the ends of an axis may lie between them. */
function powerOfTen(value: number): string {
  return Number.isInteger(Number(Math.log10(value).toFixed(6))) ? shortNumber(value) : "";
}

/** The part of the plane that is shown: operations per byte, and GFLOP/s. */
interface View {
  readonly left: number;
  readonly right: number;
  readonly bottom: number;
  readonly top: number;
}

const giga = (perSecond: number) => perSecond / 1e9;

/** Rates of work over its intensity, below the lines of what the device can do. */
export function rooflineChart(
  device: string,
  precision: Precision,
  { flopPerSecond, bandwidth }: Roofline,
  points: readonly RooflinePoint[],
): Chart {
  const peak = (precision === "f16" ? flopPerSecond.f16 : undefined) ?? flopPerSecond.f32;
  const memory = bandwidth.at(-1)!;
  const cache = bandwidth.reduce((a, b) => (b.bytesPerSecond > a.bytesPerSecond ? b : a));
  const roofs = cache.bytesPerSecond > 1.2 * memory.bytesPerSecond ? [memory, cache] : [memory];
  const view = viewOf(peak, roofs, points);
  const groups = [...new Set(points.map((p) => p.group))];
  const axis = { ...axisStyle, type: "log" as const, nameLocation: "middle" as const };
  const axisLabel = { ...axisStyle.axisLabel, formatter: powerOfTen };
  const option = {
    ...frame(`Roofline of ${device}`, `${precision}; the lines are what was measured here`),
    legend: legendOf(groups),
    grid,
    xAxis: {
      ...{ ...axis, axisLabel, min: view.left, max: view.right, nameGap: 32 },
      name: "operations per byte (FLOP/B), each byte moved once",
    },
    yAxis: {
      ...{ ...axis, axisLabel, min: view.bottom, max: view.top, nameGap: 56 },
      name: "GFLOP/s, by the definition of convolution",
    },
    series: [
      ...roofs.map((roof, i) => roofSeries(roof, i, peak, view)),
      ...pointSeries(points, groups, view),
    ],
  };
  return { option, width: chartWidth, height };
}

function viewOf(peak: number, roofs: readonly Bandwidth[], points: readonly RooflinePoint[]): View {
  const ridges = roofs.map((roof) => peak / roof.bytesPerSecond);
  const [left, right] = decades([
    ...points.flatMap((p) => [p.intensity / 1.3, 1.3 * p.intensity]),
    ...ridges.flatMap((x) => [x / 4, 4 * x]),
  ]);
  const rates = points.map((p) => giga(p.flopPerSecond) / 1.3);
  const [bottom, top] = decades([...rates, 1.6 * giga(peak)]);
  return { left, right, bottom, top };
}

/** A line that rises with the intensity up to the peak; the first is that of memory. */
function roofSeries(roof: Bandwidth, i: number, peak: number, { left, right, bottom }: View) {
  const from = Math.max(left, (bottom * 1e9) / roof.bytesPerSecond);
  const what = i === 0 ? "memory" : `copies of ${Math.round(roof.bytes / 2 ** 20)} MiB`;
  const begin = [from, giga(from * roof.bytesPerSecond)];
  const ridge = [peak / roof.bytesPerSecond, giga(peak)];
  const rate = `${what}: ${shortNumber(giga(roof.bytesPerSecond))} GB/s`;
  const peakText = i === 0 ? `peak: ${shortNumber(giga(peak))} GFLOP/s` : "";
  return {
    type: "line" as const,
    symbol: "circle",
    symbolSize: 1,
    silent: true,
    lineStyle: { color: colors.ink, width: 2, type: roofStyles[i]! },
    itemStyle: { color: colors.ink },
    data: [
      { value: begin, label: roofLabel(i === 0 ? rate : "", "right", [6, 14]) },
      { value: ridge, label: roofLabel(i === 0 ? "" : rate, "left", [-8, -10]) },
      { value: [right, giga(peak)], label: roofLabel(peakText, "left", [0, -12]) },
    ],
  };
}

/** Points of a colour for each group, with names where there is room for them. */
function pointSeries(
  points: readonly RooflinePoint[],
  groups: readonly string[],
  { left, right, bottom, top }: View,
) {
  const onScale = (value: number, low: number, high: number, pixels: number) =>
    (pixels * Math.log(value / low)) / Math.log(high / low);
  const plotWidth = chartWidth - grid.left - grid.right;
  const plotHeight = height - grid.top - grid.bottom;
  const places = points.map(({ name, intensity, flopPerSecond }) => ({
    x: onScale(intensity, left, right, plotWidth),
    y: onScale(giga(flopPerSecond), top, bottom, plotHeight),
    text: name,
  }));
  const isFree = freeLabels(places, plotWidth, widthOfText);
  return groups.map((group, i) => ({
    type: "scatter" as const,
    name: group,
    symbolSize: 9,
    itemStyle: { color: seriesColors[i % seriesColors.length]!, opacity: 0.85 },
    data: points.flatMap((p, at) => {
      if (p.group !== group) return [];
      const label = { show: isFree[at]!, formatter: p.name, position: "right" as const };
      const style = { fontSize: 10, color: colors.ink };
      return [{ value: [p.intensity, giga(p.flopPerSecond)], label: { ...label, ...style } }];
    }),
  }));
}
