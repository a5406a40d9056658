import { z } from "zod";
import type { Facts } from "../doctor/index.ts";
import { explain } from "../explain/index.ts";
import { type Host, type ProcessEnd, supervise } from "../host/index.ts";
import type { CommandLine, Confinement } from "./confine.ts";
import type { Experiment } from "./experiment.ts";
import { type LogPosition, linesOfStep, tellsOfMemory, tellsOfReset } from "./kernel-watch.ts";
import { type Cause, causesIn, isFailure, type StepResult } from "./result.ts";

/** Loading libraries of gigabytes from a slow disk takes its time. */
const startMs = 180_000;
/** A reset is over when the kernel has written no line of it for so long. */
const defaultSettleMs = 3000;
const shownCharacters = 6000;
const marker = "@rekindle ";

const messageSchema = z.union([
  z.strictObject({ at: z.string() }),
  z.strictObject({ ready: z.record(z.string(), z.unknown()) }),
  z.strictObject({ built: z.object({ device: z.string(), targets: z.array(z.string()) }) }),
  z.strictObject({ unavailable: z.string() }),
  z.strictObject({ failed: z.object({ type: z.string(), message: z.string() }) }),
  z.strictObject({
    result: z.object({
      device: z.string(),
      error: z.union([z.number(), z.literal("not finite")]),
      output: z.string().exactOptional(),
      data: z.record(z.string(), z.unknown()).exactOptional(),
    }),
  }),
]);

/** What a child has said so far. */
interface Said {
  at?: string;
  /** The device's target, and those that PyTorch was built for. */
  built?: { readonly device: string; readonly targets: readonly string[] };
  unavailable?: string;
  failed?: { readonly type: string; readonly message: string };
  result?: {
    readonly device: string;
    readonly error: number | "not finite";
    readonly output?: string;
    readonly data?: Readonly<Record<string, unknown>>;
  };
}

/** A step's process: it has loaded its libraries, or does so, and waits for its order. */
export interface Prepared {
  /** Gives it the order and its time; resolves when it has ended and all is known. */
  run(order: unknown, position: LogPosition | undefined): Promise<StepResult>;
  /** Ends it: the user wants to stop, or it is not needed. */
  stop(): void;
}

export interface StepSurroundings {
  readonly host: Host;
  readonly confinement: Confinement;
  readonly facts?: Facts;
  /** Waits between stages of killing; tests shorten them. */
  readonly graceMs?: number;
  readonly giveUpMs?: number;
  readonly settleMs?: number;
  /** Called where the child announces how far it is. */
  readonly onAt?: (at: string) => void;
}

/** Starts the process of a step. It touches no device before it gets its order. */
export function prepareStep(
  experiment: Experiment,
  command: CommandLine,
  token: string,
  surroundings: StepSurroundings,
): Prepared {
  const { host, confinement, graceMs, giveUpMs, onAt } = surroundings;
  const { limits, switches } = experiment;
  const env = Object.assign({}, host.env, ...switches.map((s) => s.env ?? {}));
  const said: Said = { at: "start the program" };
  let onReady = () => {};
  let onPlace = () => {};
  const ready = new Promise<void>((resolve) => {
    onReady = resolve;
  });
  const wrapped = confinement.wrap(command, limits);
  const child = supervise(wrapped.program, wrapped.args, {
    env,
    token,
    memoryBytes: limits.memoryBytes,
    ...(graceMs !== undefined && { graceMs }),
    ...(giveUpMs !== undefined && { giveUpMs }),
    onLine: (line) => {
      const message = messageIn(line);
      if (message && "ready" in message) onReady();
      else Object.assign(said, message);
      if (message && "at" in message) {
        onAt?.(message.at);
        onPlace();
      }
    },
  });
  return {
    async run(order, position) {
      const startTimer = setTimeout(() => child.stop("time"), startMs);
      await Promise.race([ready, child.ended]);
      clearTimeout(startTimer);
      const start = performance.now();
      const hang = () => child.stop("time");
      const timeLimit = setTimeout(hang, limits.timeMs);
      const quietLimit = setTimeout(hang, limits.quietMs ?? limits.timeMs);
      onPlace = () => void quietLimit.refresh();
      child.send(JSON.stringify(order));
      const end = await child.ended;
      clearTimeout(timeLimit);
      clearTimeout(quietLimit);
      const timeMs = Math.round(performance.now() - start);
      return await judge(experiment, { end, said, timeMs, position }, surroundings);
    },
    stop: () => child.stop("asked"),
  };
}

function messageIn(line: string): z.infer<typeof messageSchema> | undefined {
  if (!line.startsWith(marker)) return undefined;
  try {
    return messageSchema.safeParse(JSON.parse(line.slice(marker.length))).data;
  } catch {
    return undefined;
  }
}

interface Observed {
  readonly end: ProcessEnd;
  readonly said: Said;
  readonly timeMs: number;
  readonly position: LogPosition | undefined;
}

async function judge(
  experiment: Experiment,
  observed: Observed,
  surroundings: StepSurroundings,
): Promise<StepResult> {
  const { host } = surroundings;
  const { end, said, timeMs, position } = observed;
  const settleMs = surroundings.settleMs ?? defaultSettleMs;
  const kernelLines = await linesOfStep(host, position, end.stopped === "time", settleMs);
  const verdict = verdictOf(experiment, observed, kernelLines);
  const base: StepResult = {
    ...verdict,
    ...(said.at !== undefined && isFailure(verdict.outcome) && { at: said.at }),
    timeMs,
    memoryBytesMax: end.memoryBytesMax,
    ...(end.unkillable && { unkillable: true }),
    ...(end.leftBehind > 0 && { leftBehind: end.leftBehind }),
    ...(kernelLines.length > 0 && { kernelLines }),
  };
  if (!isFailure(verdict.outcome)) return base;
  const hung = verdict.outcome === "hang";
  const found = await causesOf(end.output, kernelLines, surroundings.facts, hung);
  const own = foreignDevice(said.built);
  const causes = own ? [own, ...found.filter(({ id }) => id !== own.id)] : found;
  const text = textOf(end.output);
  return { ...base, ...(causes.length > 0 && { causes }), ...(text && { text }) };
}

type Verdict = Pick<StepResult, "outcome" | "detail" | "error" | "tolerance" | "output" | "device">;

/** The gravest thing that happened names the outcome. */
function verdictOf(
  experiment: Experiment,
  { end, said, timeMs }: Observed,
  kernelLines: readonly string[],
): Verdict {
  const where = `at "${said.at}"`;
  const { limits } = experiment;
  if (end.problem) {
    return { outcome: "unavailable", detail: `the program could not be started: ${end.problem}` };
  }
  // First: the end of a desktop by a reset looks as if the user had closed the terminal.
  if (tellsOfReset(kernelLines)) {
    return { outcome: "gpu-reset", detail: `the kernel reset the GPU ${where}` };
  }
  if (end.stopped === "asked") return { outcome: "stopped", detail: `stopped ${where}` };
  if (end.stopped === "time") {
    const seconds = Math.round(timeMs / 1000);
    const held = end.unkillable ? "; it cannot be killed, a driver holds it" : "";
    return { outcome: "hang", detail: `no end ${where} after ${seconds} s${held}` };
  }
  if (end.stopped === "memory" || (end.signal === "SIGKILL" && tellsOfMemory(kernelLines))) {
    const gigabytes = limits.memoryBytes / 1e9;
    return { outcome: "over-limit", detail: `took more than ${gigabytes} GB of memory ${where}` };
  }
  if (end.signal === "SIGXCPU") {
    const detail = `took more than ${limits.cpuSeconds} s of processor time ${where}`;
    return { outcome: "over-limit", detail };
  }
  return ofEnding(experiment, end, said);
}

function ofEnding(experiment: Experiment, end: ProcessEnd, said: Said): Verdict {
  const numbers = said.result ? numbersOf(experiment, said.result) : undefined;
  if (end.signal !== null) {
    const right = numbers?.outcome === "passed" ? ", after right numbers" : "";
    return { outcome: "signal", detail: `${end.signal} at "${said.at}"${right}` };
  }
  if (said.unavailable !== undefined) return { outcome: "unavailable", detail: said.unavailable };
  if (said.failed) {
    const { type, message } = said.failed;
    return { outcome: "error", detail: `${type}: ${message.split("\n")[0]}` };
  }
  if (numbers && end.status === 0) return numbers;
  return { outcome: "error", detail: `ended with status ${end.status} at "${said.at}"` };
}

function numbersOf(experiment: Experiment, result: NonNullable<Said["result"]>): Verdict {
  const { tolerance } = experiment;
  const { error, output = "y", device, data } = result;
  const numbers = { error, tolerance, output, device, ...(data && { data }) };
  if (error === "not finite") {
    return { outcome: "wrong", detail: `${output} is not finite or has another shape`, ...numbers };
  }
  const compared = `relative error ${error.toExponential(1)} in ${output}`;
  if (error <= tolerance) return { outcome: "passed", detail: compared, ...numbers };
  const detail = `${compared}, rounding explains ${tolerance.toExponential(0)}`;
  return { outcome: "wrong", detail, ...numbers };
}

/** A build of PyTorch that says itself that it was made for other cards. */
function foreignDevice(built: Said["built"]): Cause | undefined {
  if (!built || built.targets.length === 0) return undefined;
  // "gfx1010:xnack-" is gfx1010 with a setting.
  const target = built.device.split(":")[0]!;
  const held = built.targets.map((name) => name.split(":")[0]!);
  if (held.includes(target) || held.some((name) => name.includes("generic"))) return undefined;
  return {
    id: "torch-without-code",
    title: "PyTorch holds no code for this card",
    certainty: "likely",
    cause: `This PyTorch says that it was built for ${held.join(", ")}; the device is ${target}.`,
  };
}

/** What `explain` makes of a program's output and the lines that the kernel wrote meanwhile. */
export async function causesOf(
  output: string,
  kernelLines: readonly string[],
  facts: Facts | undefined,
  hung = false,
): Promise<Cause[]> {
  const logs = [
    { name: "output", chunks: [Buffer.from(withoutMessages(output))] },
    { name: "kernel log", chunks: [Buffer.from(kernelLines.join("\n"))] },
  ].filter(({ chunks }) => chunks[0]!.length > 0);
  // Bytes that are no text, as crashes leave them, cannot be explained.
  return await explain(logs, facts).then(
    (found) => causesIn(found, hung),
    () => [],
  );
}

const withoutMessages = (output: string) =>
  output
    .split("\n")
    .filter((line) => !line.startsWith(marker))
    .join("\n");

/** The end of what a program wrote, without our messages and empty lines. */
function textOf(output: string): string {
  return withoutMessages(output)
    .replace(/\n{2,}/g, "\n")
    .trim()
    .slice(-shownCharacters);
}
