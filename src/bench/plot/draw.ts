import { type EChartsOption, init } from "echarts";

/** A chart with its size in pixels. */
export interface Chart {
  readonly option: EChartsOption;
  readonly width: number;
  readonly height: number;
}

/** Colours that people with any colour vision tell apart (Okabe and Ito, 2008). */
export const colors = {
  blue: "#0072b2",
  orange: "#e69f00",
  green: "#009e73",
  red: "#d55e00",
  purple: "#cc79a7",
  sky: "#56b4e9",
  ink: "#222222",
  grey: "#8a8a8a",
  faint: "#e4e4e4",
} as const;

/** Colours of series, in order. */
export const seriesColors = [
  colors.blue,
  colors.orange,
  colors.green,
  colors.red,
  colors.purple,
  colors.sky,
  colors.grey,
];

export const chartWidth = 980;

/** What all charts have in common: a title with a line of explanation, and plain type. */
export function frame(title: string, subtext: string): EChartsOption {
  return {
    animation: false,
    backgroundColor: "#ffffff",
    textStyle: { fontFamily: "sans-serif", color: colors.ink },
    title: {
      text: title,
      subtext,
      left: 16,
      top: 10,
      textStyle: { fontSize: 17, color: colors.ink },
      subtextStyle: { fontSize: 12, color: "#555555" },
    },
  };
}

/** A legend below the title. Names have room: their width is not known before a browser draws. */
export const legendOf = (names: readonly string[]) => ({
  data: [...names],
  top: 62,
  left: 14,
  itemGap: 34,
  itemWidth: 16,
  itemHeight: 10,
  textStyle: { fontSize: 11, color: colors.ink },
});

/** Pixels that a text of the axes' size takes at most. */
export const widthOfText = (text: string): number => 6.8 * text.length;

/** The look of an axis. */
export const axisStyle = {
  nameTextStyle: { color: colors.ink, fontSize: 12 },
  axisLabel: { color: colors.ink, fontSize: 11 },
  axisLine: { show: true, lineStyle: { color: colors.grey } },
  splitLine: { show: true, lineStyle: { color: colors.faint } },
} as const;

/** A chart as the text of an SVG element. */
export function drawSvg({ option, width, height }: Chart): string {
  const chart = init(null, null, { renderer: "svg", ssr: true, width, height });
  try {
    chart.setOption(option);
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

/** Charts below each other in one picture. */
export function stackSvgs(charts: readonly Chart[]): string {
  let top = 0;
  const parts = charts.map((chart) => {
    const inner = drawSvg(chart).replace(/^<svg /, `<svg y="${top}" `);
    top += chart.height;
    return inner;
  });
  const width = Math.max(...charts.map((chart) => chart.width));
  const head = `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${top}"`;
  return `${head} viewBox="0 0 ${width} ${top}">\n${parts.join("\n")}\n</svg>\n`;
}

/** Three digits at most, without an exponent: "0.0312", "84.3", "1520". */
export function shortNumber(value: number): string {
  if (value === 0) return "0";
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}
