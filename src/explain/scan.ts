import { type Clues, clueWords, gather, noClues } from "./clues.ts";
import type { Line } from "./lines.ts";
import type { Pattern } from "./pattern.ts";
import type { Hits } from "./seen.ts";
import { anyWord, wordsOf } from "./trigger.ts";

/** A line that speaks for a pattern. */
export interface Evidence extends Line {
  /** Name of the file; undefined for standard input. */
  readonly file: string | undefined;
}

/** The hits of one pattern. */
export interface Hit {
  /** The strongest lines, at most `keptLines`. */
  readonly lines: Evidence[];
  /** For each line the place of its sign in the pattern. */
  readonly ranks: number[];
  /** How many lines there are. */
  count: number;
  readonly groups: Map<string, Set<string>>;
}

const keptLines = 4;
const keptValues = 64;
/** Longer lines are shown with their ends cut. */
const shownLength = 300;

/** Reads lines once, in order, and keeps a bounded amount of what they say. */
export class Scan implements Hits {
  readonly clues: Clues = noClues();
  readonly hits = new Map<string, Hit>();
  lines = 0;
  readonly #patterns: readonly Pattern[];
  readonly #patternWords: RegExp;
  readonly #clueWords = anyWord(clueWords, []);
  readonly #seen = new Map<string, Shape>();

  constructor(patterns: readonly Pattern[]) {
    this.#patterns = patterns;
    const signs = patterns.flatMap((pattern) => pattern.signs);
    const words = (ofAnyCase: boolean) =>
      signs.filter((sign) => sign.ignoreCase === ofAnyCase).flatMap((sign) => wordsOf(sign) ?? []);
    this.#patternWords = anyWord(words(false), words(true));
  }

  read({ number, text }: Line, file: string | undefined): void {
    this.lines++;
    const mayMatch = this.#patternWords.test(text);
    if (!mayMatch && !this.#clueWords.test(text)) return;
    const shape = this.#shapeOf(text);
    if (shape && shape.count > fullLooks) {
      for (const hit of shape.hits) hit.count++;
      return;
    }
    gather(this.clues, text);
    if (!mayMatch) return;
    for (const pattern of this.#patterns) {
      const hit = this.#match(pattern, text, number, file);
      if (hit && shape) shape.hits.add(hit);
    }
  }

  has(id: string): boolean {
    return this.hits.has(id);
  }

  values(id: string, group: string): readonly string[] {
    return [...(this.hits.get(id)?.groups.get(group) ?? [])];
  }

  isShortlyAfter(id: string, earlier: string): boolean {
    const before = this.hits.get(earlier)?.lines ?? [];
    return (this.hits.get(id)?.lines ?? []).some(({ file, number }) =>
      before.some((b) => b.file === file && b.number <= number && number - b.number <= 100),
    );
  }

  /**
   * Logs repeat themselves: a line that differs from earlier ones only in its numbers is looked
   * at a few times, and counted from then on.
   */
  #shapeOf(text: string): Shape | undefined {
    const key = text.length > 400 ? "" : text.replace(/(?:0x)+[0-9a-f]+|\b\d[\d.:]*\b/g, "#");
    if (key === "") return undefined;
    let shape = this.#seen.get(key);
    if (!shape) {
      if (this.#seen.size >= keptShapes) this.#seen.clear();
      shape = { count: 0, hits: new Set() };
      this.#seen.set(key, shape);
    }
    shape.count++;
    return shape;
  }

  #match(pattern: Pattern, text: string, number: number, file: string | undefined) {
    let hit: Hit | undefined;
    for (const [rank, sign] of pattern.signs.entries()) {
      const match = sign.exec(text);
      if (!match) continue;
      hit ??= this.#count(pattern.id, { file, number, text: around(text, match.index) }, rank);
      for (const [group, value] of Object.entries(match.groups ?? {})) {
        if (value === undefined) continue;
        const values = hit.groups.get(group) ?? new Set();
        if (values.size < keptValues) hit.groups.set(group, values.add(value));
      }
    }
    return hit;
  }

  #count(id: string, line: Evidence, rank: number): Hit {
    const hit: Hit = this.hits.get(id) ?? { lines: [], ranks: [], count: 0, groups: new Map() };
    this.hits.set(id, hit);
    hit.count++;
    if (hit.lines.some(({ text }) => text === line.text)) return hit;
    // A pattern's first sign is its strongest: its lines take the places of weaker ones.
    const at = hit.ranks.filter((other) => other <= rank).length;
    hit.lines.splice(at, 0, line);
    hit.ranks.splice(at, 0, rank);
    hit.lines.length = hit.ranks.length = Math.min(hit.lines.length, keptLines);
    return hit;
  }
}

interface Shape {
  count: number;
  readonly hits: Set<Hit>;
}

const keptShapes = 20_000;
const fullLooks = 4;

/** The part of a long line around what was found. */
function around(text: string, at: number): string {
  const line = text.trim();
  if (line.length <= shownLength) return line;
  const from = Math.max(0, Math.min(at - 40, line.length - shownLength));
  const to = Math.min(line.length, from + shownLength);
  return `${from > 0 ? "... " : ""}${line.slice(from, to)}${to < line.length ? " ..." : ""}`;
}
