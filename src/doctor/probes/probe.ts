import type { Host } from "../../host/index.ts";
import type { Facts } from "../facts.ts";

/** What a probe learns. */
export type Findings = Omit<Facts, "version">;

/** Learns facts of one kind. Looks only: it changes nothing and needs no rights. */
export interface Probe {
  readonly name: string;
  /** What it looks at, for people: "PCI devices". */
  readonly what: string;
  /** Node's names of the systems on which it makes sense; all of them by default. */
  readonly systems?: readonly string[];
  /** It is given up after this. */
  readonly timeoutMs: number;
  /** What to type to find the same out by hand. */
  readonly byHand?: string;
  /**
   * `known` holds what the probes of the earlier stages learned. An error makes its facts unknown,
   * with the message as the reason.
   */
  learn(host: Host, known: Findings): Promise<Findings>;
}

/** The lines of a text that are not empty, without white space around them. */
export function linesOf(text: string | undefined): string[] {
  return (text ?? "")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

/** Reads "key value" or "key=value" lines; quotes around values are dropped. */
export function pairsOf(text: string | undefined, separator: string): Map<string, string> {
  const pairs = new Map<string, string>();
  for (const line of linesOf(text)) {
    const at = line.indexOf(separator);
    if (at < 1 || line.startsWith("#")) continue;
    pairs.set(line.slice(0, at).trim(), unquoted(line.slice(at + separator.length).trim()));
  }
  return pairs;
}

export function unquoted(text: string): string {
  return /^(["'])(.*)\1$/.exec(text)?.[2] ?? text;
}

/** The last part of a path with either kind of slash. */
export function nameOf(path: string): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

/** The object without its undefined values, as "absent means unknown" wants it. */
export function known<T extends object>(values: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(values).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> };
}

/** A whole number, or undefined where the text is none. */
export function numberOf(text: string | undefined): number | undefined {
  const value = Number(text?.trim() || Number.NaN);
  return Number.isFinite(value) && value >= 0 ? value : undefined;
}

/** Folders in which Linux's loader looks for libraries, by distribution. */
export const libraryFolders = [
  "/usr/lib/x86_64-linux-gnu",
  "/usr/lib64",
  "/usr/lib",
  "/usr/local/lib",
  "/usr/local/lib64",
];
