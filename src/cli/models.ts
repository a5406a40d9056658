import { type Command, InvalidArgumentError } from "commander";
import { RekindleError } from "../errors.ts";
import type { Graph } from "../graph/index.ts";
import { didYouMean } from "../host/index.ts";
import type { Model, ModelOptions } from "../models/index.ts";
import { formatShape } from "../tensor/index.ts";
import type { Io } from "./io.ts";
import { type NetworkSize, sizeOfNetwork } from "./models/size.ts";
import { positiveList, wholeNumber } from "./options.ts";
import { progressLine } from "./progress.ts";
import { facts, formatBytes, table, wrap } from "./text.ts";

/** The options of `rekindle models`, parsed. */
interface ModelsOptions {
  readonly output?: string;
  readonly size?: number;
  readonly batch?: number | string;
  readonly classes?: number;
  readonly width?: number;
  readonly seed?: number;
  readonly json?: boolean;
}

const examples = `
The weights are random: right for trying devices and measuring speed, useless
for recognizing anything. Equal seeds give equal weights.

Examples:
  rekindle models
  rekindle models resnet50 -o resnet50.onnx
  rekindle models unet --size 256 --batch 1 --width 32 -o unet.onnx`;

/** `rekindle models`. */
export function addModels(program: Command, io: Io): void {
  program
    .command("models")
    .description("list well-known networks, or write one as an ONNX file")
    .argument("[NAME]", "the network; left out: list all")
    .option("-o, --output <FILE>", "write the network to this ONNX file")
    .option("--size <PIXELS>", "height and width of its pictures (default: 224)", wholeNumber(1))
    .option("--batch <N>", 'pictures per run, or a name: any number (default: "N")', batchSize)
    .option("--classes <K>", "classes, or channels of a picture that it makes", wholeNumber(1))
    .option("--width <W>", "scales its channels, where its summary says so", oneNumber)
    .option("--seed <S>", "of the random weights (default: 1)", wholeNumber(0))
    .option("--json", "print JSON")
    .addHelpText("after", examples)
    .action((name: string | undefined, options: ModelsOptions) =>
      name === undefined ? listModels(options, io) : showModel(name, options, io),
    );
}

/** A size, or the name of a dimension that stays free. */
function batchSize(text: string): number | string {
  if (/^[A-Za-z_]\w*$/.test(text)) return text;
  return wholeNumber(1)(text);
}

function oneNumber(text: string): number {
  const [value, ...more] = positiveList(text);
  if (more.length > 0) throw new InvalidArgumentError("It must be one number.");
  return value!;
}

/** What is told of a network in a list. */
interface Listed extends NetworkSize {
  readonly name: string;
  readonly family: string;
  readonly summary: string;
}

async function listModels(options: ModelsOptions, io: Io): Promise<void> {
  const { json, ...others } = options;
  const [alone] = Object.keys(others);
  if (alone !== undefined) {
    throw new RekindleError("usage", `--${alone} needs the name of a network`, {
      fix: `pass one, as in: rekindle models resnet18 --${alone} ...`,
    });
  }
  const { models } = await import("../models/index.ts");
  const line = progressLine(io, true);
  const listed: Listed[] = [];
  for (const { name, family, summary, build } of models.values()) {
    line.show(`measuring ${name} ...`);
    listed.push({ name, family, summary, ...sizeOfNetwork(build()) });
  }
  line.clear();
  io.out.write(json ? `${JSON.stringify(listed, null, 2)}\n` : renderList(listed, io.out.columns));
}

function renderList(listed: readonly Listed[], columns: number): string {
  const heading = ["name", "parameters", "GFLOP", "what it is"];
  const rows = listed.map((m) => [m.name, millions(m.parameters), giga(m.flop), ""]);
  const lines = table([heading, ...rows], "lrrl");
  const indent = lines[0]!.indexOf(heading[3]!);
  const text = lines.flatMap((line, i) => {
    if (i === 0) return [line];
    const [first = "", ...more] = wrap(listed[i - 1]!.summary, Math.max(20, columns - indent));
    return [line.padEnd(indent) + first, ...more.map((part) => " ".repeat(indent) + part)];
  });
  const note =
    "\nGFLOP: for one picture of 224x224. Write one: rekindle models NAME -o FILE.onnx\n";
  return `${text.join("\n")}\n${note}`;
}

async function showModel(name: string, options: ModelsOptions, io: Io): Promise<void> {
  const { models } = await import("../models/index.ts");
  const model = models.get(name) ?? unknownModel(name, models);
  const { output, json } = options;
  if (output !== undefined) await io.host.checkWritable(output);
  const line = progressLine(io, true);
  line.show(`making ${name} ...`);
  const graph = model.build(modelOptions(options));
  const size = sizeOfNetwork(graph);
  const bytes = output === undefined ? undefined : await writeModel(graph, output, io);
  line.clear();
  const seed = options.seed ?? 1;
  const written = output === undefined ? null : { path: output, bytes, seed };
  if (json) {
    const { family, summary } = model;
    const { inputs, outputs } = graph;
    const report = { name, family, summary, ...size, inputs, outputs, written };
    io.out.write(`${JSON.stringify(report, null, 2)}\n`);
    return;
  }
  const rows = modelRows(model, graph, size);
  if (output === undefined) rows.push(["write it", `rekindle models ${name} -o ${name}.onnx`]);
  else rows.push(["written", `${output}, ${formatBytes(bytes!)}, random weights (seed ${seed})`]);
  io.out.write(`${facts(rows, io.out.columns).join("\n")}\n`);
}

function unknownModel(name: string, models: ReadonlyMap<string, Model>): never {
  throw new RekindleError("usage", `there is no network "${name}"`, {
    fix: didYouMean(name, models.keys()) ?? `choose one of ${[...models.keys()].join(", ")}`,
  });
}

function modelOptions({ size, batch, classes, width, seed }: ModelsOptions): ModelOptions {
  return {
    ...(size !== undefined && { imageSize: size }),
    ...(batch !== undefined && { batch }),
    ...(classes !== undefined && { classes }),
    ...(width !== undefined && { width }),
    ...(seed !== undefined && { seed }),
  };
}

async function writeModel(graph: Graph, path: string, { host }: Io): Promise<number> {
  const { writeOnnx } = await import("../onnx/index.ts");
  const bytes = writeOnnx(graph);
  await host.writeFile(path, bytes);
  return bytes.length;
}

function modelRows(model: Model, graph: Graph, size: NetworkSize): [string, string][] {
  const rows: [string, string][] = [["name", `${model.name}: ${model.summary}`]];
  const value = (v: { name: string; dtype?: string; dims?: readonly (number | string)[] }) =>
    `"${v.name}" ${v.dtype ?? ""} ${formatShape(v.dims ?? [])}`;
  for (const input of graph.inputs) rows.push(["input", value(input)]);
  for (const output of graph.outputs) rows.push(["output", value(output)]);
  rows.push(["parameters", millions(size.parameters)]);
  rows.push(["work", `${giga(size.flop)} GFLOP per run with a batch of ${batchOf(graph)}`]);
  return rows;
}

function batchOf({ inputs }: Graph): number {
  const batch = inputs[0]?.dims[0];
  return typeof batch === "number" ? batch : 1;
}

const millions = (count: number) => `${(count / 1e6).toFixed(2)} M`;
const giga = (flop: number) => (flop / 1e9).toFixed(2);
