import { createHash } from "node:crypto";
import { openToMeasure } from "../bench/index.ts";
import { RekindleError } from "../errors.ts";
import { type OpenDevice, openDevice, Session } from "../session/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { Case } from "../trial/index.ts";
import { nodeCase } from "../trial/node-case.ts";
import {
  compareOutputs,
  deviceFor,
  expectedOf,
  type NodeTarget,
  type Say,
} from "../trial/node-step.ts";
import type { NodeTaskOrder, TaskResult } from "./node-order.ts";
import { speed } from "./speed-task.ts";

/** Runs one part with the engine or ONNX Runtime, in a process of its own. */
export async function runNodeTask(
  target: NodeTarget,
  order: NodeTaskOrder,
  say: Say,
): Promise<void> {
  say({ at: "open the device" });
  const device = await deviceFor(target, order.device, openToMeasure).catch((error: unknown) => {
    if (error instanceof RekindleError && error.code === "device-missing") return error;
    throw error;
  });
  if (device instanceof RekindleError) return say({ unavailable: device.message });
  const task = { cases, repeat, soak, speed }[order.kind];
  try {
    const result = await task(device, order, say, target);
    say({ result: { device: device.summary.name, ...result } });
  } finally {
    device.gpu?.destroy();
  }
}

type Outputs = Readonly<Record<string, Tensor>>;

async function compute(device: OpenDevice, one: Case, seed: number): Promise<Outputs> {
  const { graph, feeds } = nodeCase(one, seed);
  const precision = one.dtype === "float16" ? "f16" : "f32";
  const session = await Session.on(device, graph, { precision }, { keepOpen: true });
  try {
    return await session.run(Object.fromEntries(feeds));
  } finally {
    await session.dispose();
  }
}

async function cases(
  device: OpenDevice,
  order: NodeTaskOrder,
  say: Say,
  target: NodeTarget,
): Promise<TaskResult> {
  const failures: { id: string; what: string }[] = [];
  let [worst, output] = [0, ""];
  const hasF16 = device.gpu?.traits.hasF16 ?? true;
  const asked = order.cases.filter(({ case: { dtype } }) => dtype !== "float16" || hasF16);
  const cpu = order.cpu && target === "engine" ? await openDevice("cpu") : undefined;
  for (const { id, case: one, tolerance } of asked) {
    say({ at: id });
    try {
      const actual = await compute(device, one, order.seed);
      const expected = cpu
        ? new Map(Object.entries(await compute(cpu, one, order.seed)))
        : expectedOf(nodeCase(one, order.seed));
      const { error } = compareOutputs(actual, expected);
      const ratio = error === "not finite" ? Infinity : error / tolerance;
      if (ratio > 1) failures.push({ id, what: `relative error ${error}` });
      if (ratio >= worst) [worst, output] = [ratio, id];
    } catch (error) {
      if (!(error instanceof RekindleError) || error.code === "device-lost") throw error;
      failures.push({ id, what: `${error.code}: ${error.message}` });
    }
  }
  const data = {
    checked: asked.length,
    leftOut: order.cases.length - asked.length,
    failures: failures.slice(0, 50),
    failed: failures.length,
  };
  return { error: failures.length === 0 ? 0 : "not finite", output, data };
}

/** All outputs one behind the other, as the bits of float32. */
function floatsOf(outputs: Outputs): Float32Array {
  return Float32Array.from(Object.values(outputs).flatMap((t) => [...t.toNumbers()]));
}

/** Of each case so many numbers are kept, to show a difference. */
const valuesKept = 256;

async function repeat(device: OpenDevice, order: NodeTaskOrder, say: Say): Promise<TaskResult> {
  const found: Record<string, object> = {};
  let differing = 0;
  for (const { id, case: one } of order.cases) {
    say({ at: id });
    const first = floatsOf(await compute(device, one, order.seed));
    const bytes = Buffer.from(first.buffer);
    const entry = {
      digest: createHash("sha256").update(bytes).digest("hex"),
      values: bytes.subarray(0, 4 * valuesKept).toString("base64"),
    };
    found[id] = entry;
    for (let run = 2; run <= order.times; run++) {
      const other = floatsOf(await compute(device, one, order.seed));
      const index = first.findIndex((value, i) => !Object.is(value, other[i]));
      if (index < 0) continue;
      const difference = { run, index, first: first[index], second: other[index] };
      found[id] = { ...entry, difference };
      differing++;
      break;
    }
  }
  return { error: differing, output: "repeats", data: { outputs: found } };
}

/** So long a case runs without a break before the next one takes its turn. */
const turnMs = 2000;

/** A case that is loaded, and what it gave at first. */
interface Loaded {
  readonly session: Session;
  readonly feeds: Outputs;
  readonly first: ReadonlyMap<string, Tensor>;
}

async function load(device: OpenDevice, one: Case, seed: number): Promise<Loaded> {
  const { graph, feeds } = nodeCase(one, seed);
  const session = await Session.on(device, graph, {}, { keepOpen: true });
  const given = Object.fromEntries(feeds);
  return { session, feeds: given, first: new Map(Object.entries(await session.run(given))) };
}

/**
 * Cases take turns until the time is over. They stay loaded together, but for one in each round,
 * which is freed and loaded again.
 */
async function soak(device: OpenDevice, order: NodeTaskOrder, say: Say): Promise<TaskResult> {
  const loaded = new Map<string, Loaded>();
  const mismatches: object[] = [];
  const start = performance.now();
  const isOver = () => performance.now() - start > 1000 * order.seconds;
  let [turns, runs, early] = [0, 0, 0];
  while (!isOver()) {
    const count = order.cases.length;
    const { id, case: one, tolerance } = order.cases[turns % count]!;
    say({ at: `turn ${turns + 1}: ${id}` });
    const round = Math.floor(turns / count);
    if (round > 0 && round % count === turns % count) {
      await loaded.get(id)?.session.dispose();
      loaded.delete(id);
    }
    const { session, feeds, first } = loaded.get(id) ?? (await load(device, one, order.seed));
    loaded.set(id, { session, feeds, first });
    const turnEnd = performance.now() + turnMs;
    do {
      const { error } = compareOutputs(await session.run(feeds), first);
      runs++;
      if (error === "not finite" || error > tolerance) mismatches.push({ id, run: runs, error });
    } while (performance.now() < turnEnd && !isOver());
    if (++turns === 2 * count) early = process.memoryUsage.rss();
  }
  for (const { session } of loaded.values()) await session.dispose();
  const data = {
    runs,
    seconds: (performance.now() - start) / 1000,
    mismatches: mismatches.slice(0, 20),
    residentBytesEarly: early,
    residentBytesLate: process.memoryUsage.rss(),
  };
  return { error: mismatches.length, output: "runs", data };
}
