import type { Command } from "commander";
import { cpuName, cpuProblem } from "../cpu/index.ts";
import { messageOf } from "../errors.ts";
import { type AdapterReport, listAdapters } from "../gpu/index.ts";
import { type DeviceSummary, openDevice } from "../session/index.ts";
import { type Io, type Output, paint } from "./io.ts";
import { facts, significant, wrap } from "./text.ts";

const examples = `
Examples:
  rekindle devices
  rekindle devices --json | jq '.adapters[].name'`;

/** `rekindle devices`. */
export function addDevices(program: Command, io: Io): void {
  program
    .command("devices")
    .description("list what can run networks here, and which one is taken")
    .option("--json", "print JSON")
    .addHelpText("after", examples)
    .action(async (options: { json?: boolean }) => {
      const survey = await surveyDevices();
      if (options.json) io.out.write(`${JSON.stringify(survey, null, 2)}\n`);
      else io.out.write(renderSurvey(survey, io.out, io.host.platform));
    });
}

/** An adapter, and whether it will do. */
export interface JudgedAdapter extends AdapterReport {
  readonly suits: boolean;
  readonly remarks: readonly string[];
}

export interface Survey {
  readonly adapters: readonly JudgedAdapter[];
  readonly cpu: { readonly name: string; readonly available: boolean; readonly problem?: string };
  /** What `--device auto` takes, and why. */
  readonly auto: DeviceSummary | null;
  /** Why no adapter could be listed. */
  readonly problem?: string;
}

async function surveyDevices(): Promise<Survey> {
  let adapters: JudgedAdapter[] = [];
  let problem: string | undefined;
  try {
    adapters = (await listAdapters()).map(judge);
  } catch (error) {
    problem = messageOf(error);
  }
  const noCpu = await cpuProblem();
  const cpu = { name: cpuName, available: noCpu === undefined };
  return {
    adapters,
    cpu: { ...cpu, ...(noCpu !== undefined && { problem: noCpu }) },
    auto: (await firstChoice()) ?? null,
    ...(problem !== undefined && { problem }),
  };
}

/** What opens when no device is named; undefined where nothing does. */
async function firstChoice(): Promise<DeviceSummary | undefined> {
  const device = await openDevice("auto").catch(() => undefined);
  device?.gpu?.destroy();
  return device?.summary;
}

/** Least that the kernels' usual tiles need; WebGPU guarantees 16 kB and 256. */
const leastWorkgroupBytes = 16_384;
const leastInvocations = 256;
const leastBindingBytes = 128 * 2 ** 20;

/** Whether networks can run on an adapter, and what to know about it. */
export function judge(report: AdapterReport): JudgedAdapter {
  const { limits, features, kind } = report;
  const remarks: string[] = [];
  const least = (name: string, wanted: number, what: string) => {
    const has = limits[name] ?? 0;
    if (has >= wanted) return true;
    remarks.push(`${what} is ${has}, ${wanted} are needed`);
    return false;
  };
  const checks = [
    least("maxComputeWorkgroupStorageSize", leastWorkgroupBytes, "memory of a workgroup"),
    least("maxComputeInvocationsPerWorkgroup", leastInvocations, "size of a workgroup"),
    least("maxStorageBufferBindingSize", leastBindingBytes, "largest buffer"),
  ];
  if (kind === "software") remarks.push("a CPU that emulates a GPU: right, but slow");
  if (kind === "null") remarks.push("computes nothing");
  if (!features.includes("shader-f16")) remarks.push("no 16-bit floats: --precision f16 is out");
  if (!features.includes("subgroups")) remarks.push("no subgroup operations");
  return { ...report, suits: checks.every(Boolean) && kind !== "null", remarks };
}

/** The survey as text. */
export function renderSurvey(survey: Survey, out: Output, platform: string): string {
  const lines: string[] = [];
  const heading = (name: string) => {
    const note = name === survey.auto?.name ? "  (taken by default)" : "";
    lines.push(`${paint(out, "bold", name)}${note}`);
  };
  for (const adapter of survey.adapters) {
    heading(adapter.name);
    lines.push(...facts(factsOf(adapter), out.columns - 2).map((line) => `  ${line}`), "");
  }
  heading(cpuName);
  const { problem } = survey.cpu;
  const suits = problem ? `no: ${problem}` : "yes: every network that ONNX Runtime can run";
  const cpuRows = [
    ["suits", suits],
    ["choose by", "--device cpu"],
  ] as const;
  lines.push(...facts(cpuRows, out.columns - 2).map((line) => `  ${line}`));
  if (!survey.adapters.some((a) => a.kind === "gpu"))
    lines.push("", ...advice(survey, out.columns, platform));
  return `${lines.join("\n")}\n`;
}

function factsOf(adapter: JudgedAdapter): [string, string][] {
  const { limits, features, subgroupMinSize: least, subgroupMaxSize: most } = adapter;
  const limit = (name: string) => limits[name] ?? 0;
  const waves = least === most ? `${least}` : `${least} to ${most}`;
  const rows: [string, string][] = [
    ["kind", `${adapter.kind}, ${adapter.backend}`],
    ["vendor", [adapter.vendor, adapter.architecture].filter(Boolean).join(" ") || "not known"],
    ["driver", adapter.description || "not known"],
    ["wave size", least > 0 ? waves : "not known"],
    ["f16", features.includes("shader-f16") ? "yes" : "no"],
    [
      "workgroup",
      `${limit("maxComputeInvocationsPerWorkgroup")} invocations, ` +
        `${binaryBytes(limit("maxComputeWorkgroupStorageSize"))} of shared memory`,
    ],
    ["largest buffer", binaryBytes(limit("maxStorageBufferBindingSize"))],
    ["suits", [adapter.suits ? "yes" : "no", ...adapter.remarks].join("; ")],
    ["choose by", `--device ${choiceOf(adapter)}`],
  ];
  return rows;
}

/** Limits are powers of two: "32 KiB", "128 MiB". */
function binaryBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  const unit = Math.min(Math.floor(Math.log2(Math.max(1, bytes)) / 10), units.length - 1);
  return `${significant(bytes / 1024 ** unit)} ${units[unit]}`;
}

function choiceOf({ kind, name }: AdapterReport): string {
  const short = name.replace(/ *\(.*$/, "");
  if (kind === "software") return "software";
  return /^[\w.-]+$/.test(short) ? short : `"${short}"`;
}

function advice({ problem }: Survey, columns: number, platform: string): string[] {
  const found = problem ? `No GPU can be reached: ${problem}` : "No GPU was found.";
  const steps =
    platform === "win32"
      ? "Install the newest driver from the maker of the card; Direct3D 12 is used."
      : "On Debian and Ubuntu: install Mesa's Vulkan drivers (AMD, Intel) with " +
        "`apt install mesa-vulkan-drivers vulkan-tools`, see that `vulkaninfo --summary` lists " +
        "the card, and that your user is in the groups video and render " +
        "(`usermod -aG video,render $USER`, then log in again). Debian 12's Mesa 22.3 is too " +
        "old: take the package from bookworm-backports.";
  return [...wrap(found, columns), ...wrap(steps, columns)];
}
