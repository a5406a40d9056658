import { join } from "node:path";
import { examine, type Facts, stages } from "../doctor/index.ts";
import { isSameGeneration, overrideName, targetOf } from "../doctor/rules/common.ts";
import { messageOf } from "../errors.ts";
import { type Host, placed } from "../host/index.ts";
import { inspect, summarize, wouldLoad } from "../inspect/index.ts";
import {
  runTrial,
  type TargetName,
  type TrialOrder,
  type TrialReport,
  targetOf as trialTarget,
} from "../trial/index.ts";
import { runCommand } from "./act.ts";
import type { Proof } from "./journal.ts";
import { mainCard, viewOf } from "./machine.ts";
import type { Remedy } from "./remedy.ts";
import type { Plan, Verification } from "./step.ts";
import type { Surroundings } from "./surroundings.ts";

export interface ProveOptions {
  readonly remedy: Remedy;
  readonly facts: Facts;
  /** Where journals of trials go. */
  readonly folder: string;
  readonly onProgress: (what: string) => void;
}

/**
 * Makes the verifications of a plan, in order, up to the first that fails. Each runs where it
 * cannot harm this process.
 */
export async function prove(
  { verification }: Plan,
  around: Surroundings,
  options: ProveOptions,
): Promise<Proof[]> {
  const proofs: Proof[] = [];
  for (const one of verification) {
    const what = nameOf(one);
    options.onProgress(what);
    const proof = await proveOne(one, around, options).catch(
      (error: unknown): Answered => ({ answer: "failed", detail: messageOf(error) }),
    );
    proofs.push({ what, ...proof });
    if (proof.answer === "failed" || around.signal.aborted) break;
  }
  return proofs;
}

type Answered = Omit<Proof, "what">;

/** What a verification looks at, as a clause. */
export function nameOf(one: Verification): string {
  switch (one.kind) {
    case "inspect":
      return `code for ${one.target} is in ${one.path}`;
    case "trial":
      return `Conv2d and a small ResNet run ${one.onGpu ? "on the GPU" : "on the CPU"}`;
    case "command":
      return one.does;
    case "facts":
      return "the machine is as it should be";
  }
}

async function proveOne(
  one: Verification,
  around: Surroundings,
  options: ProveOptions,
): Promise<Answered> {
  switch (one.kind) {
    case "inspect":
      return await inspected(one.path, one.target, around);
    case "trial":
      return await tried(one, around, options);
    case "command": {
      const limits = { timeoutMs: one.timeoutMs ?? 10 * 60_000 };
      const acted = await runCommand(one.command, "verification", around, limits);
      if (acted.end === "failed") return { answer: "failed", detail: acted.why };
      return { answer: acted.end === "done" ? "passed" : "not-run", detail: "it ended well" };
    }
    case "facts":
      return await lookedAgain(around, options);
  }
}

async function inspected(path: string, target: string, around: Surroundings): Promise<Answered> {
  const where = (await torchLibrary(path, around)) ?? path;
  const reports = [];
  for await (const report of inspect(placed(around.root, where), {})) reports.push(report);
  const { answer, why } = wouldLoad(summarize(reports), target);
  return { answer: answer === "yes" ? "passed" : "failed", detail: `${where}: ${why}` };
}

/** In a Python environment, the library with PyTorch's kernels: others may lack some targets. */
async function torchLibrary(path: string, { host }: Surroundings): Promise<string | undefined> {
  const sites = [
    ...(await host.list(`${path}/lib`)).map((name) => `${path}/lib/${name}/site-packages`),
    `${path}/Lib/site-packages`,
  ];
  for (const site of sites) {
    for (const name of ["libtorch_hip.so", "torch_hip.dll"]) {
      const library = `${site}/torch/lib/${name}`;
      if (await host.exists(library)) return library;
    }
  }
  return undefined;
}

/** Parts of ids of the experiments that prove a remedy. */
const experiments = ["/device", "/create", "/conv/minimal", "/conv/usual", "/network/resnet18"];
const isRequired = (id: string) => !id.endsWith("-training");

async function tried(
  { target: name, python, onGpu }: Extract<Verification, { kind: "trial" }>,
  around: Surroundings,
  { facts, folder, onProgress }: ProveOptions,
): Promise<Answered> {
  const { machine, root, signal } = around;
  const host = withoutForeignOverride(machine, facts);
  const { target, subject } = await trialTarget(host, name, python && placed(root, python));
  const order: TrialOrder = {
    target: name satisfies TargetName,
    subject,
    // The plan was agreed to; without networks nothing is proven.
    risk: "hang",
    only: experiments,
    search: false,
    ...(!onGpu && name === "torch" && { device: "cpu" }),
    // A processor that emulates a GPU proves nothing.
    ...(onGpu && name === "engine" && { device: "gpu" }),
  };
  const report = await runTrial(target, order, {
    host,
    journal: join(folder, `trial-${Date.now()}.jsonl`),
    killers: new Set(),
    repeat: false,
    signal,
    onProgress: ({ id, result }) => {
      if (!result) onProgress(id);
    },
  });
  return judge(report, onGpu, facts);
}

function judge({ steps, device }: TrialReport, onGpu: boolean, facts: Facts): Answered {
  const required = steps.filter(({ id }) => isRequired(id));
  const bad = required.find(({ outcome }) => outcome !== "passed");
  if (bad) {
    // Without a card nobody can tell; with one, that it is not found is the failure.
    const isOpen = bad.outcome === "unavailable" && onGpu && mainCard(facts) === undefined;
    const cause = bad.causes?.[0] ? ` (${bad.causes[0].title})` : "";
    const detail = `${bad.id}: ${bad.detail}${cause}`;
    return { answer: isOpen ? "not-run" : "failed", detail };
  }
  if (onGpu && /^cpu/i.test(device ?? "cpu")) {
    const isOpen = mainCard(facts) === undefined;
    return { answer: isOpen ? "not-run" : "failed", detail: "it ran on the CPU: no GPU was found" };
  }
  const limits = steps.filter(({ id, outcome }) => !isRequired(id) && outcome !== "passed");
  const but = limits.map(({ id, detail }) => `; ${id} did not pass: ${detail}`).join("");
  return { answer: "passed", detail: `on ${device ?? "the CPU"}${but}` };
}

/** The shell may still have what profiles no longer set. */
function withoutForeignOverride(host: Host, facts: Facts): Host {
  const override = host.env[overrideName];
  const card = mainCard(facts);
  const gfx = card === undefined ? undefined : facts.gpus?.[card]?.gfx;
  if (!override || !gfx || isSameGeneration(targetOf(override), gfx)) return host;
  return { ...host, env: { ...host.env, [overrideName]: undefined } };
}

/** Probes that take long, and that no remedy's cure depends on. */
const slow = new Set(["webgpu", "vulkan", "torch-code"]);

async function lookedAgain(
  { host }: Surroundings,
  { remedy, facts }: ProveOptions,
): Promise<Answered> {
  const chosen = stages.map((stage) => stage.filter(({ name }) => !slow.has(name)));
  const now = await examine(host, { stages: chosen });
  const { gpus, ...rest } = now;
  const known: Facts = { ...facts, ...rest, ...(gpus && gpus.length > 0 && { gpus }) };
  const judgement = remedy.cured?.(viewOf(known));
  const seen = judgement?.because.map(({ path }) => path).join(", ") ?? "nothing to look at";
  if (judgement?.answer === "yes") return { answer: "passed", detail: `judged by ${seen}` };
  if (judgement?.answer === "no") return { answer: "failed", detail: `not cured, by ${seen}` };
  return { answer: "not-run", detail: `not known: ${seen}` };
}
