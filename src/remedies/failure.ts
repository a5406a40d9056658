import type { Facts } from "../doctor/index.ts";
import { explain } from "../explain/index.ts";

/** Why a step failed, for a person. */
export interface Failure {
  /** What was being done, as a clause. */
  readonly does: string;
  readonly why: string;
  /** What `rekindle explain` makes of the output. */
  readonly causes: readonly { readonly title: string; readonly cause: string }[];
  /** The lines that matter, the first that went wrong first. */
  readonly lines: readonly string[];
}

/** Lines that tell of a failure for sure, then those that may: configuring prints many of them. */
const tellsOfFailure = [
  new RegExp(
    [
      "\\berror:|\\bfatal\\b|^FAILED|^E:|^ERROR|\\w+Error:|no space left|out of memory|killed",
      "cannot allocate|permission denied|undefined (?:symbol|reference)",
    ].join("|"),
    "i",
  ),
  /\berror\b|\bfailed\b|failure|cannot|can't|denied|not found|no such|exceed/i,
];
const linesMax = 8;

/** A failure with its causes and the lines that tell of it. */
export async function failureOf(
  does: string,
  why: string,
  output: string,
  facts: Facts | undefined,
): Promise<Failure> {
  const log = { name: "output", chunks: [Buffer.from(output)] };
  // Bytes that are no text cannot be explained.
  const explained =
    output.trim() === "" ? [] : await explain([log], facts).then(causesOf, () => []);
  return { does, why, causes: explained, lines: linesThatMatter(output) };
}

type Explained = Awaited<ReturnType<typeof explain>>;

const causesOf = ({ findings }: Explained) =>
  findings
    .filter(({ role }) => role === "cause" || role === "symptom")
    .slice(0, 2)
    .map(({ title, cause }) => ({ title, cause }));

/** Those that tell of it best, or else the last ones. */
function linesThatMatter(output: string): string[] {
  const lines = output
    .split(/[\r\n]+/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== "");
  const telling = tellsOfFailure.map((one) => [...new Set(lines.filter((line) => one.test(line)))]);
  const best = telling.find((found) => found.length > 0) ?? lines.slice(-linesMax);
  return best.slice(0, linesMax);
}
