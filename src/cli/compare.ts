import type { Command } from "commander";
import { RekindleError } from "../errors.ts";
import { type CompareReport, compareResults, readResults } from "../validate/index.ts";
import { type Io, type Output, paint } from "./io.ts";
import { formatMs, plural, significant, table, wrap } from "./text.ts";

const description = `set the results of two machines or targets side by side

Reads what rekindle validate --json and rekindle bench --json wrote, and the
baselines in bench/baselines. A difference within the spreads of both is called
noise.`;

const examples = `
Examples:
  rekindle compare h100.json here.json
  rekindle compare bench/baselines/h100-cudnn.json bench.json
  rekindle compare torch.json engine.json --json | jq .meanSpeedUp`;

/** `rekindle compare`. */
export function addCompare(program: Command, io: Io): void {
  program
    .command("compare")
    .description(description)
    .argument("<FIRST>", "results to compare with")
    .argument("<SECOND>", "results of which is told how many times as fast they are")
    .option("--json", "print JSON (docs/validate.md describes it)")
    .addHelpText("after", examples)
    .action(async (first: string, second: string, options: { json?: boolean }) => {
      const { host, out } = io;
      const read = async (path: string) =>
        readResults(Buffer.from(await host.readFile(path, "results")).toString("utf8"), path);
      const report = compareResults(await read(first), await read(second));
      if (report.times.length === 0 && report.verdicts.length === 0) {
        throw new RekindleError("usage", `${first} and ${second} have nothing in common`, {
          fix: "measure the same convolutions or networks, batches and precision in both",
        });
      }
      out.write(
        options.json ? `${JSON.stringify(report, null, 2)}\n` : renderComparison(report, out),
      );
    });
}

/** A comparison as text. */
function renderComparison(report: CompareReport, out: Output): string {
  const { first, second, times, verdicts, meanSpeedUp } = report;
  const lines = [
    ...wrap(`A: ${first}`, out.columns).map((line) => paint(out, "bold", line)),
    ...wrap(`B: ${second}`, out.columns).map((line) => paint(out, "bold", line)),
  ];
  if (times.length > 0) {
    const rows = times.map(({ key, first: a, second: b, speedUp, range, isNoise }) => [
      key,
      formatMs(a.median),
      formatMs(b.median),
      significant(speedUp),
      range ? `${significant(range[0])} to ${significant(range[1])}` : "no spread",
      isNoise ? "noise" : "",
    ]);
    const head = ["", "A", "B", "A / B", "range", ""];
    lines.push("", ...table([head, ...rows], "lrrrrl"), "");
    for (const [what, mean] of Object.entries(meanSpeedUp)) {
      const name = what === "conv" ? "convolutions" : "networks";
      const [faster, times] = mean < 1 ? ["A", 1 / mean] : ["B", mean];
      lines.push(`${name}: ${faster} is ${significant(times)} times as fast (geometric mean)`);
    }
    const noisy = times.filter(({ isNoise }) => isNoise).length;
    if (noisy > 0) lines.push(`${plural(noisy, "difference")} may be chance: the spreads overlap`);
  }
  if (verdicts.length > 0) {
    const rows = verdicts.map(({ title, first: a, second: b }) => [title, a, b]);
    lines.push("", ...table([["criterion", "A", "B"], ...rows], "lll"));
  }
  const alone = [report.onlyFirst, report.onlySecond];
  if (alone.some((count) => count > 0)) {
    lines.push("", `in one file alone: ${alone[0]} in A, ${alone[1]} in B`);
  }
  return `${lines.join("\n")}\n`;
}
