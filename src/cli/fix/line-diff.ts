const contextLines = 2;
/** Above this many pairs of lines the changed part is shown as a whole. */
const pairsMax = 4_000_000;

/**
 * What changes from one text to another, as lines with "-", "+" or " " before them, and "..." for
 * what stays and is left out.
 *
 * @example
 * lineDiff("a\nb\n", "a\nc\n"); // [" a", "-b", "+c"]
 */
export function lineDiff(before: string, after: string): string[] {
  const [from, to] = [linesOf(before), linesOf(after)];
  let head = 0;
  while (head < from.length && head < to.length && from[head] === to[head]) head++;
  let tail = 0;
  const most = Math.min(from.length, to.length) - head;
  while (tail < most && from.at(-1 - tail) === to.at(-1 - tail)) tail++;
  const middle = changed(from.slice(head, from.length - tail), to.slice(head, to.length - tail));
  const kept = (lines: readonly string[]) => lines.map((line) => ` ${line}`);
  return shortened([
    ...kept(from.slice(0, head)),
    ...middle,
    ...kept(from.slice(from.length - tail)),
  ]);
}

const linesOf = (text: string) =>
  text === "" ? [] : (text.endsWith("\n") ? text.slice(0, -1) : text).split("\n");

/** By the longest common subsequence. */
function changed(from: readonly string[], to: readonly string[]): string[] {
  const whole = [...from.map((line) => `-${line}`), ...to.map((line) => `+${line}`)];
  if (from.length * to.length > pairsMax) return whole;
  const width = to.length + 1;
  const length = new Uint32Array((from.length + 1) * width);
  for (let i = from.length - 1; i >= 0; i--) {
    for (let j = to.length - 1; j >= 0; j--) {
      const [below, beside] = [length[(i + 1) * width + j]!, length[i * width + j + 1]!];
      length[i * width + j] =
        from[i] === to[j] ? length[(i + 1) * width + j + 1]! + 1 : Math.max(below, beside);
    }
  }
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < from.length || j < to.length) {
    if (i < from.length && j < to.length && from[i] === to[j]) {
      lines.push(` ${from[i]}`);
      i++;
      j++;
    } else if (
      j >= to.length ||
      (i < from.length && length[(i + 1) * width + j]! >= length[i * width + j + 1]!)
    ) {
      lines.push(`-${from[i++]}`);
    } else lines.push(`+${to[j++]}`);
  }
  return lines;
}

/** Without the lines that are far from any change. */
function shortened(lines: readonly string[]): string[] {
  const isNear = lines.map((_, i) =>
    lines
      .slice(Math.max(0, i - contextLines), i + contextLines + 1)
      .some((l) => !l.startsWith(" ")),
  );
  return lines.flatMap((line, i) => {
    if (isNear[i]) return [line];
    return i > 0 && isNear[i - 1] ? ["..."] : [];
  });
}
