import type { Compiled, Navi10 } from "./compile.ts";
import { figuresOf, type Row, rowOf, worstOfEach } from "./figures.ts";
import type { Variant } from "./variants.ts";

export interface Progress {
  readonly done: number;
  readonly total: number;
  readonly variant: Variant;
  readonly compiled: Compiled;
  readonly row: Row;
}

/** Compiles variants; gives one row for each key, the worst of those that share it. */
export async function measure(
  navi10: Navi10,
  variants: readonly Variant[],
  onProgress: (progress: Progress) => void = () => {},
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const variant of variants) {
    const compiled = await navi10.compile(variant.dispatch.wgsl, variant.label);
    const row = rowOf(variant, figuresOf(compiled));
    rows.push(row);
    onProgress({ done: rows.length, total: variants.length, variant, compiled, row });
  }
  return worstOfEach(rows);
}
