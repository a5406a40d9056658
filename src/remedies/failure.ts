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

const tellsOfFailure = new RegExp(
  [
    "\\berror\\b|\\bfatal\\b|\\bfailed\\b|failure|cannot|can't|denied|no space|^E:",
    "not found|no such|exceed|killed|undefined (?:symbol|reference)",
  ].join("|"),
  "i",
);
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

/** Lines that tell of a failure, or else the last ones. */
function linesThatMatter(output: string): string[] {
  const lines = output
    .split(/[\r\n]+/)
    .map((line) => line.trimEnd())
    .filter((line) => line !== "");
  const telling = [...new Set(lines.filter((line) => tellsOfFailure.test(line)))];
  return (telling.length > 0 ? telling : lines.slice(-linesMax)).slice(0, linesMax);
}
