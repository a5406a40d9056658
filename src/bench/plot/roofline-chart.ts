import type { Precision } from "../../session/types.ts";
import type { Roofline } from "../roofline.ts";
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
  const ridges = roofs.map((roof) => peak / roof.bytesPerSecond);
  const [left, right] = decades([
    ...points.map((p) => p.intensity / 1.3),
    ...points.map((p) => p.intensity * 1.3),
    ...ridges.map((x) => x / 4),
    ...ridges.map((x) => 4 * x),
  ]);
  const giga = (perSecond: number) => perSecond / 1e9;
  const [bottom, top] = decades([
    ...points.map((p) => giga(p.flopPerSecond) / 1.3),
    giga(peak) * 1.6,
  ]);
  const roofSeries = roofs.map((roof, i) => {
    const from = Math.max(left, (bottom * 1e9) / roof.bytesPerSecond);
    const what = i === 0 ? "memory" : `copies of ${Math.round(roof.bytes / 2 ** 20)} MiB`;
    const begin = [from, giga(from * roof.bytesPerSecond)];
    const ridge = [peak / roof.bytesPerSecond, giga(peak)];
    const rate = `${what}: ${shortNumber(giga(roof.bytesPerSecond))} GB/s`;
    const peakLabel = `peak: ${shortNumber(giga(peak))} GFLOP/s`;
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
        {
          value: [right, giga(peak)],
          label: roofLabel(i === 0 ? peakLabel : "", "left", [0, -12]),
        },
      ],
    };
  });
  const onScale = (value: number, [low, high]: [number, number], pixels: number) =>
    (pixels * Math.log(value / low)) / Math.log(high / low);
  const plotWidth = chartWidth - grid.left - grid.right;
  const isFree = freeLabels(
    points.map(({ name, intensity, flopPerSecond }) => ({
      x: onScale(intensity, [left, right], plotWidth),
      y: onScale(giga(flopPerSecond), [top, bottom], height - grid.top - grid.bottom),
      text: name,
    })),
    plotWidth,
    widthOfText,
  );
  const groups = [...new Set(points.map((p) => p.group))];
  const pointSeries = groups.map((group, i) => ({
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
  const axis = { ...axisStyle, type: "log" as const, nameLocation: "middle" as const };
  const option = {
    ...frame(`Roofline of ${device}`, `${precision}; the lines are what was measured here`),
    legend: legendOf(groups),
    grid,
    xAxis: {
      ...axis,
      name: "operations per byte (FLOP/B), each byte moved once",
      nameGap: 32,
      min: left,
      max: right,
      axisLabel: { ...axisStyle.axisLabel, formatter: powerOfTen },
    },
    yAxis: {
      ...axis,
      name: "GFLOP/s, by the definition of convolution",
      nameGap: 56,
      min: bottom,
      max: top,
      axisLabel: { ...axisStyle.axisLabel, formatter: powerOfTen },
    },
    series: [...roofSeries, ...pointSeries],
  };
  return { option, width: chartWidth, height };
}
