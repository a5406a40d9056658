/*
 * Most lines of a long log say nothing that matters, and one look must tell so: a line can match a
 * pattern only if it holds one of the pattern's fixed words.
 */

const shortest = 4;

/**
 * Words of which a text must hold at least one to match `sign`: the longest fixed run of each of
 * its alternatives. Undefined where some alternative has none of at least four characters.
 *
 * @example
 * wordsOf(/(?:HIP|CUDA) out of memory/); // [" out of memory"]
 */
export function wordsOf(sign: RegExp): string[] | undefined {
  const words = alternatives(sign.source).map((part) => longestRun(part));
  return words.every((word) => word.length >= shortest) ? words : undefined;
}

/** An expression that finds any of the words, whatever their case where `anyCase`. */
export function anyWord(words: readonly string[], signsAnyCase: readonly string[]): RegExp {
  const exact = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  const loose = signsAnyCase.map((word) =>
    word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/[a-z]/gi, bothCases),
  );
  return new RegExp([...new Set([...exact, ...loose])].join("|"));
}

const bothCases = (letter: string) => `[${letter.toLowerCase()}${letter.toUpperCase()}]`;

/** The parts of an expression between the bars at its top level. */
function alternatives(source: string): string[] {
  const parts = [""];
  let depth = 0;
  for (const token of tokens(source)) {
    if (token === "(") depth++;
    if (token === ")") depth--;
    if (token === "|" && depth === 0) parts.push("");
    else parts[parts.length - 1] += token;
  }
  return parts;
}

/** The longest run of characters that stand for themselves, outside of groups. */
function longestRun(part: string): string {
  const runs = [""];
  let depth = 0;
  for (const token of tokens(part)) {
    const last = runs.length - 1;
    if (token === "(") depth++;
    if (/^[?*{]/.test(token)) runs[last] = runs[last]!.slice(0, -1);
    const plain = depth === 0 && /^(?:[\w :;,'"<>=!@#%&~`/-]|\\[^\w])$/.test(token);
    if (plain) runs[last] += token.replace(/^\\/, "");
    else if (runs[last] !== "") runs.push("");
    if (token === ")") depth--;
  }
  return runs.reduce((best, run) => (run.length > best.length ? run : best));
}

/** Single characters, escapes, classes, repetitions, and brackets without their marks. */
function tokens(source: string): string[] {
  const found =
    source.match(/\\.|\[(?:\\.|[^\]\\])*\]|\{[\d,]+\}|\(\?(?:<\w+>|[:!=]|<[!=])|./gs) ?? [];
  return found.map((token) => (token.startsWith("(") ? "(" : token));
}
