import type { Subject } from "../../bench/index.ts";
import { RekindleError } from "../../errors.ts";
import { optimize, resolve } from "../../passes/index.ts";
import {
  type Card,
  findCard,
  type LayerPrediction,
  type ModelPrediction,
  predictModel,
} from "../../predict/index.ts";
import { type Io, type Output, paint } from "../io.ts";
import { progressLine } from "../progress.ts";
import { significant, table, wrap } from "../text.ts";
import { version } from "../version.ts";
import type { BenchOptions, What } from "./options.ts";
import { subjectsFor } from "./subjects.ts";

/** A network with what it would take. */
interface Row extends ModelPrediction {
  readonly name: string;
  readonly batch: number;
  readonly precision: BenchOptions["precision"];
}

const warning =
  "These are predictions: nobody has run this on such a card. The bound is what arithmetic and " +
  "memory traffic need at the least; the prediction adds what the compiled kernels, the launch " +
  "of dispatches and tiles beyond the edges cost, without transfers and JavaScript. On an H100 " +
  "the method was off by 17 % for layers that it was not fitted to (docs/performance-model.md).";

/** `rekindle bench model --predict CARD`: no GPU is needed, and none is used. */
export async function runPrediction(
  what: What,
  names: readonly string[],
  options: BenchOptions,
  io: Io,
): Promise<void> {
  const card = findCard(options.predict!);
  checkPrediction(what, options);
  const line = progressLine(io, !options.quiet);
  const subjects = await subjectsFor(names, options, "gpu", io);
  const rows: Row[] = [];
  try {
    for (const { name, load } of subjects) {
      line.show(`predicting ${name} ...`);
      rows.push(predict(await load(), card, options));
    }
  } finally {
    line.clear();
  }
  await write(rows, card, options, io);
}

/** Throws "usage" for what is measured only. */
function checkPrediction(what: What, { against, baseline, plot, device, repeat }: BenchOptions) {
  const fix = "leave it out, or leave --predict out to measure";
  if (what !== "model") {
    throw new RekindleError("usage", `--predict is for networks, this is bench ${what}`, {
      fix: "rekindle bench model --predict CARD",
    });
  }
  const measured = { against, baseline, plot, device, repeat };
  for (const [name, value] of Object.entries(measured)) {
    if (value === undefined) continue;
    throw new RekindleError("usage", `--predict does not go with --${name}`, { fix });
  }
}

function predict({ name, batch, graph, feeds }: Subject, card: Card, options: BenchOptions): Row {
  const { precision } = options;
  const shapes = new Map(Object.entries(feeds).map(([input, { dims }]) => [input, dims]));
  const typed = optimize(resolve(graph, shapes), { precision });
  return { name, batch, precision, ...predictModel(typed, card, precision) };
}

async function write(rows: readonly Row[], card: Card, options: BenchOptions, io: Io) {
  const report = { kind: "prediction", version: version(), card, note: warning, models: rows };
  const json = `${JSON.stringify(report, null, 1)}\n`;
  const isFile = typeof options.json === "string" && options.json !== "-";
  if (isFile) await io.host.writeFile(options.json as string, json);
  if (options.json !== undefined && !isFile) io.out.write(json);
  else io.out.write(render(rows, card, options, io.out));
}

function render(rows: readonly Row[], card: Card, options: BenchOptions, out: Output): string {
  const title = `Predicted for an AMD Radeon ${card.name}: nothing was measured`;
  const blocks = [
    [paint(out, "bold", title)],
    modelTable(rows),
    ...rows.map((row) => layerTable(row, options.layers ?? false)),
    wrap(warning, Math.max(40, out.columns)),
  ];
  return `${blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join("\n"))
    .join("\n\n")}\n`;
}

const milliseconds = (ms: number): string => significant(ms);
const times = (gap: number): string => `${gap.toFixed(gap < 10 ? 1 : 0)}x`;

function modelTable(rows: readonly Row[]): string[] {
  const head = ["network", "batch", "", "bound ms", "predicted ms", "gap", "pictures/s"];
  const cells = rows.map((row) => [
    row.name,
    `${row.batch}`,
    row.precision,
    milliseconds(row.boundMs),
    milliseconds(row.predictedMs),
    times(row.gap),
    `${Math.round((1000 * row.batch) / row.predictedMs)}`,
  ]);
  return table([head, ...cells], "lrlrrrr");
}

/** How many of the layers that cost the most are shown without --layers. */
const layersShown = 8;

function layerTable({ name, batch, layers, predictedMs }: Row, all: boolean): string[] {
  const costly = [...layers].sort((a, b) => b.predictedMs - a.predictedMs).slice(0, layersShown);
  const shown = all ? layers : costly;
  const head = ["layer", "output", "kernel", "bound us", "predicted us", "gap", "share"];
  const cells = shown.map((layer) => [
    layer.name,
    layer.dims.join("x"),
    kernelOf(layer),
    digits(1000 * layer.boundMs),
    digits(1000 * layer.predictedMs),
    times(layer.gap),
    `${((100 * layer.predictedMs) / predictedMs).toFixed(1)} %`,
    layer.limit,
  ]);
  const title = all
    ? `${name}, batch ${batch}, layer by layer`
    : `${name}, batch ${batch}: the ${shown.length} layers that take the most (--layers for all)`;
  return [title, ...table([[...head, "limited by"], ...cells], "lllrrrrl")];
}

const digits = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

/** "conv 3x3 gemm 64x64x16", with a mark where the shader was not compiled for gfx1010. */
function kernelOf({ kernel, dispatches }: LayerPrediction): string {
  const main = dispatches.reduce((a, b) => (b.predictedMs > a.predictedMs ? b : a));
  return `${main.label || kernel}${main.estimated ? " (estimated)" : ""}`;
}
