/**
 * Rows as lines with aligned columns, two spaces between them. `align` has a letter per column:
 * "l" or "r"; the last column is not padded.
 *
 * @example
 * table([["resnet50", "25.6"], ["vgg16", "138.4"]], "lr");
 */
export function table(rows: readonly (readonly string[])[], align: string): string[] {
  const widths = [...align].map((_, i) => Math.max(0, ...rows.map((row) => row[i]?.length ?? 0)));
  return rows.map((row) => {
    const cells = row.map((cell, i) =>
      align[i] === "r" ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!),
    );
    return cells.join("  ").trimEnd();
  });
}

/** Facts with a name each, the names in one column; texts are wrapped to `columns`. */
export function facts(rows: readonly (readonly [string, string])[], columns: number): string[] {
  const width = Math.max(0, ...rows.map(([name]) => name.length)) + 2;
  return rows.flatMap(([name, text]) =>
    wrap(text, columns - width).map((line, i) => (i === 0 ? name : "").padEnd(width) + line),
  );
}

/** Breaks a text into lines at spaces; a word that is longer than a line stays whole. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > columns) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}

/** Milliseconds in the unit that reads best: "7.12 ms", "1.2 s". */
export function formatMs(ms: number): string {
  if (ms >= 60_000) return `${significant(ms / 60_000)} min`;
  if (ms >= 999.5) return `${significant(ms / 1000)} s`;
  return `${significant(ms)} ms`;
}

/** Bytes in decimal units, as disks and memory are sold: "1.5 GB". */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let value = bytes;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : significant(value)} ${units[unit]}`;
}

/** Three significant digits at most, without an exponent where that is short: "0.123", "1.2e-7". */
export function significant(value: number): string {
  const size = Math.abs(value);
  if (!Number.isFinite(value) || value === 0) return String(value);
  if (size < 1e-3 || size >= 1e6) return value.toExponential(1);
  return String(size >= 100 ? Math.round(value) : Number(value.toPrecision(3)));
}

/** "1 picture", "3 pictures". */
export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
