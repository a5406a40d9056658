import type { Seen } from "./seen.ts";

/**
 * How sure it is that the named cause is the cause.
 * - confirmed: the text (or the machine) states it, and nothing contradicts it
 * - likely: what the text shows has this cause as a rule, or a second line supports it
 * - possible: one cause among several that the text does not tell apart
 */
export type Certainty = "confirmed" | "likely" | "possible";

/**
 * What a pattern tells.
 * - cause: what is wrong
 * - symptom: that something went wrong and where; several causes lead there
 * - tail: a closing line that many failures share, of no meaning by itself
 * - harmless: a message that looks bad and may be ignored
 */
export type Role = "cause" | "symptom" | "tail" | "harmless";

/** One thing to do, with the command that does it where there is one. */
export interface Step {
  readonly what: string;
  /** For a shell. */
  readonly command?: string;
  /** A line of Python. */
  readonly code?: string;
}

/** Where a statement comes from: a public thread or file, and its date (year-month). */
export interface Source {
  /** "ROCm/TheRock#7839", or a repository with a path in it. */
  readonly where: string;
  readonly date: string;
}

/** A known message and what it means. Patterns are data; `diagnose` weighs them. */
export interface Pattern {
  /** Stable: scripts and `docs/explain.md` name it. */
  readonly id: string;
  readonly role: Role;
  readonly title: string;
  /**
   * Expressions for one line each; any of them is enough. Named groups are kept: `gfx`, `file`,
   * `code`, `address`. Repetition is bounded, so that no line can take long.
   */
  readonly signs: readonly RegExp[];
  /** The cause in plain words. */
  readonly cause: string | ((seen: Seen) => string);
  /** What it is taken for, and is not. */
  readonly isNot: readonly string[];
  /** Undefined: what else the text shows rules this pattern out. */
  readonly certainty: Certainty | ((seen: Seen) => Certainty | undefined);
  readonly steps: readonly Step[] | ((seen: Seen) => readonly Step[]);
  readonly sources: readonly Source[];
  /** Patterns whose lines show this cause too, where the machine itself tells of it. */
  readonly shownBy?: readonly string[];
  /** Patterns whose messages follow from this cause; they are told as its consequences. */
  readonly explains?: readonly string[];
}

/** "ROCm/TheRock#7839 2026-09" and the like, parsed. */
export function sources(...texts: readonly string[]): Source[] {
  return texts.map((text) => {
    const at = text.lastIndexOf(" ");
    return { where: text.slice(0, at), date: text.slice(at + 1) };
  });
}
