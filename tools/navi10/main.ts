import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { messageOf, RekindleError } from "../../src/errors.ts";
import { openNavi10 } from "./compile.ts";
import type { Row } from "./figures.ts";
import { measure, type Progress } from "./measure.ts";
import { problemsOf, readStored, writeStored } from "./stored.ts";
import { variantsOf } from "./variants.ts";

const help = `Compiles the kernels for gfx1010 (RX 5600 XT, 5700, 5700 XT) without the card, by
Mesa's own compiler, and prints what became of them. Nothing is run.

Usage: npm run navi10 [-- [options] [PART ...]]

PART picks rows whose kernel, label or configuration contains it: "conv-gemm", "128x128", "f16".

  --all            every size of every layer, not one for all that differ in sizes only
  --chosen         only what the planner would choose
  --json           the figures as JSON on standard output
  --update         store the figures in src/predict/figures.json
  --save FOLDER    write the WGSL and the machine code of every shader there
  --help

Examples:
  npm run navi10 -- conv-gemm f32
  npm run navi10 -- --json --chosen > figures.json
  npm run navi10 -- --save out/isa "gemm 128x128x16" f16

Exit status: 0, 1 where a shader spills or falls behind the stored figures, 2 where the tool cannot
run.`;

/** The command; resolves to its exit status. */
export async function main(root: string, args: readonly string[]): Promise<number> {
  try {
    return await run(root, args);
  } catch (error) {
    console.error(`navi10: ${messageOf(error)}`);
    if (error instanceof RekindleError && error.fix) console.error(`To fix: ${error.fix}`);
    return 2;
  }
}

function optionsOf(args: readonly string[]) {
  const flag = { type: "boolean", default: false } as const;
  return parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      ...{ all: flag, chosen: flag, json: flag, update: flag, help: flag },
      save: { type: "string" },
    },
  });
}

async function run(root: string, args: readonly string[]): Promise<number> {
  const { values, positionals } = optionsOf(args);
  if (values.help) {
    console.log(help);
    return 0;
  }
  if (values.update && (positionals.length > 0 || values.all || values.chosen)) {
    throw new RekindleError("usage", "--update stores everything", { fix: "give it alone" });
  }
  const navi10 = await openNavi10(root);
  process.stderr.write("listing the kernels of the networks ...\n");
  const selection = { everySize: values.all, chosenOnly: values.chosen };
  const variants = variantsOf(navi10.gpu.traits, selection).filter((v) =>
    positionals.every((part) =>
      `${v.kernel} ${v.label} ${JSON.stringify(v.config)}`.includes(part),
    ),
  );
  if (variants.length === 0) {
    throw new RekindleError("usage", `no shader matches ${positionals.join(" ")}`, {
      fix: "run without a pattern to see all",
    });
  }
  const rows = await measure(navi10, variants, (progress) => {
    showProgress(progress);
    if (values.save !== undefined) save(values.save, progress);
  });
  navi10.close();
  if (values.update) writeStored(root, rows);
  if (values.json) console.log(JSON.stringify(rows, null, 1));
  else console.log(table(rows));
  return judge(rows, root);
}

function showProgress({ done, total }: Progress): void {
  if (!process.stderr.isTTY && done % 100 !== 0 && done !== total) return;
  const end = process.stderr.isTTY && done < total ? "\r" : "\n";
  process.stderr.write(`compiled ${done} of ${total} shaders${end}`);
}

function save(folder: string, { done, row, variant, compiled }: Progress): void {
  mkdirSync(folder, { recursive: true });
  const stem = join(folder, `${done} ${row.label} ${row.layer}`.replace(/[^\w.-]+/g, "-"));
  writeFileSync(`${stem}.wgsl`, variant.dispatch.wgsl);
  writeFileSync(`${stem}.s`, compiled.assembly);
}

function judge(rows: readonly Row[], root: string): number {
  const stored = readStored(root);
  const problems = rows.flatMap((row) => problemsOf(row, stored).map((p) => `${row.key}: ${p}`));
  for (const problem of problems) console.error(problem);
  if (problems.length === 0) return 0;
  console.error(
    `${problems.length} problems. If the change is meant: npm run navi10 -- --update, and commit.`,
  );
  return 1;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

const columns: readonly (readonly [title: string, value: (row: Row) => string | number])[] = [
  ["wave", (r) => r.wave],
  ["VGPRs", (r) => r.registers],
  ["spills", (r) => r.spills],
  ["LDS", (r) => r.sharedBytes],
  ["waves", (r) => r.wavesPerSimd],
  ["code", (r) => r.codeBytes],
  ["loop", (r) => (r.hot.isLoop ? "yes" : "-")],
  ["FMA", (r) => r.hot.fma],
  ["VALU", (r) => r.hot.vector],
  ["SALU", (r) => r.hot.scalar],
  ["LDS ops", (r) => r.hot.shared],
  ["VMEM", (r) => r.hot.memory],
  ["barriers", (r) => r.hot.barriers],
  ["FMA share", (r) => percent(r.hot.fmaShare)],
  ["packed", (r) => percent(r.hot.packedShare)],
  ["bound", (r) => percent(r.hot.issueBound)],
  ["bare waits", (r) => r.hot.exposedWaits],
];

/** One line for each row; a star marks what the planner chooses for some layer. */
function table(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    `${row.chosen ? "*" : " "} ${row.key}`,
    ...columns.map(([, value]) => `${value(row)}`),
  ]);
  const all = [["  kernel | dispatch | configuration | precision", ...columns.map(([t]) => t)]];
  const lines = [...all, ...cells];
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join("  "),
    )
    .join("\n");
}
