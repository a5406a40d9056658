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

/** A bar with its least possible length. */
export interface TimeBar {
  readonly name: string;
  readonly ms: number;
  /** What it would take at the device's measured limits. */
  readonly boundMs?: number;
}

const medianName = "time (median)";
const boundName = "at the measured roofline (its part of the time)";

/** Where bars begin: right of the longest name. */
function leftOf(named: readonly { readonly name: string }[]): number {
  return 24 + Math.max(...named.map(({ name }) => widthOfText(name)));
}

/** On white, so that a line behind it does not cross it out. */
const valueStyle = {
  fontSize: 10,
  color: colors.ink,
  backgroundColor: "#ffffff",
  padding: [1, 3],
};

const barHeight = 20;
const barsMax = 80;

/** Times as bars from top to bottom, with marks where the device's limits would put them. */
export function timeChart(title: string, subtext: string, all: readonly TimeBar[]): Chart {
  const slowest = new Set(all.toSorted((a, b) => b.ms - a.ms).slice(0, barsMax));
  const bars = all.filter((bar) => slowest.has(bar));
  const left = bars.length < all.length ? `; the ${barsMax} slowest of ${all.length}` : "";
  // Bars of one chart share a unit that suits the longest.
  const longest = Math.max(...bars.map((bar) => bar.ms));
  const [scale, unit] = longest < 1 ? [1000, "us"] : [1, "ms"];
  const height = 150 + barHeight * bars.length;
  const option = {
    ...frame(title, subtext + left),
    legend: legendOf([medianName, boundName]),
    grid: { left: leftOf(bars), right: 110, top: 96, bottom: 50 },
    xAxis: {
      ...axisStyle,
      type: "value" as const,
      name: unit,
      nameLocation: "middle" as const,
      nameGap: 28,
      min: 0,
    },
    yAxis: {
      ...axisStyle,
      type: "category" as const,
      inverse: true,
      data: bars.map((bar) => bar.name),
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: { ...axisStyle.axisLabel, interval: 0 },
    },
    series: [
      {
        type: "bar" as const,
        name: medianName,
        barWidth: 12,
        itemStyle: { color: colors.blue },
        data: bars.map((bar) => scale * bar.ms),
        label: {
          show: true,
          position: "right" as const,
          ...valueStyle,
          formatter: ({ dataIndex }: { dataIndex: number }) => barLabel(bars[dataIndex]!, scale),
        },
      },
      ...boundSeries(bars, scale),
    ],
  };
  return { option, width: chartWidth, height };
}

function barLabel({ ms, boundMs }: TimeBar, scale: number): string {
  const time = shortNumber(scale * ms);
  return boundMs === undefined ? time : `${time}  (${Math.round((100 * boundMs) / ms)} %)`;
}

function boundSeries(bars: readonly TimeBar[], scale: number) {
  if (bars.every((bar) => bar.boundMs === undefined)) return [];
  return [
    {
      type: "scatter" as const,
      name: boundName,
      symbol: "rect",
      symbolSize: [5, 17],
      z: 3,
      itemStyle: { color: colors.red, borderColor: "#ffffff", borderWidth: 1 },
      data: bars.flatMap((bar, i) => (bar.boundMs === undefined ? [] : [[scale * bar.boundMs, i]])),
    },
  ];
}

/** How many times as fast this engine is as others, for one piece of work. */
export interface SpeedUps {
  readonly name: string;
  /** By the title of what it is compared with. */
  readonly values: Readonly<Record<string, number>>;
}

/** Speed-ups as groups of bars, with a line at 1: left of it, the other is faster. */
export function speedUpChart(subtext: string, rows: readonly SpeedUps[]): Chart {
  const titles = [...new Set(rows.flatMap(({ values }) => Object.keys(values)))];
  const height = 120 + 20 * titles.length + rows.length * (10 + 16 * titles.length);
  const option = {
    ...frame("Times as fast as others", subtext),
    legend: { ...legendOf(titles), orient: "vertical" as const, itemGap: 8 },
    grid: { left: leftOf(rows), right: 70, top: 66 + 20 * titles.length, bottom: 50 },
    xAxis: {
      ...axisStyle,
      type: "value" as const,
      name: "their time / our time",
      nameLocation: "middle" as const,
      nameGap: 28,
      min: 0,
    },
    yAxis: {
      ...axisStyle,
      type: "category" as const,
      inverse: true,
      data: rows.map((row) => row.name),
      axisTick: { show: false },
      splitLine: { show: false },
      axisLabel: { ...axisStyle.axisLabel, interval: 0 },
    },
    series: titles.map((title, i) => ({
      type: "bar" as const,
      name: title,
      barWidth: 12,
      itemStyle: { color: seriesColors[i % seriesColors.length]! },
      data: rows.map(({ values }) => values[title] ?? null),
      label: {
        show: true,
        position: "right" as const,
        ...valueStyle,
        formatter: ({ value }: { value: unknown }) =>
          typeof value === "number" ? shortNumber(value) : "",
      },
      ...(i === 0 && {
        markLine: {
          silent: true,
          z: 0,
          symbol: "none",
          lineStyle: { color: colors.ink, width: 1.5, type: "solid" as const },
          label: { show: false },
          data: [{ xAxis: 1 }],
        },
      }),
    })),
  };
  return { option, width: chartWidth, height };
}
