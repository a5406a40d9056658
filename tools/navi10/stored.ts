import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { StoredFigures } from "../../src/predict/compiled.ts";
import type { Row } from "./figures.ts";

/** By key (`shaderKey`). They serve the performance model too. */
export type Stored = Readonly<Record<string, StoredFigures>>;

/** Another version of a sound compiler may move a share by as much. */
const shareTolerance = 0.01;

const pathIn = (root: string): string => join(root, "src/predict/figures.json");

export function readStored(root: string): Stored {
  const path = pathIn(root);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as Stored) : {};
}

/** Writes the rows, one line each, so that a change of one shows as one line. */
export function writeStored(root: string, rows: readonly Row[]): void {
  const lines = rows.map((row) => `  ${JSON.stringify(row.key)}: ${JSON.stringify(keep(row))}`);
  writeFileSync(pathIn(root), `{\n${lines.join(",\n")}\n}\n`);
}

function keep(row: Row): StoredFigures {
  const { wave, registers, wavesPerSimd, sharedBytes, programClocks, hot } = row;
  const { isLoop, fma, packed, fmaShare, packedShare, issueBound, exposedWaits } = hot;
  const { vectorClocks, sharedClocks } = hot;
  return {
    ...{ wave, registers, wavesPerSimd, sharedBytes, isLoop, fma, packed, fmaShare, packedShare },
    ...{ issueBound, exposedWaits, vectorClocks, sharedClocks, programClocks },
  };
}

/** What is wrong with a row, one sentence each: spills, and figures behind the stored ones. */
export function problemsOf(row: Row, stored: Stored): string[] {
  const problems: string[] = [];
  if (row.spills > 0) problems.push(`${row.spills} registers are spilled`);
  if (row.scratchBytes > 0) problems.push(`uses ${row.scratchBytes} bytes of scratch memory`);
  const before = stored[row.key];
  if (!before) return [...problems, "has no stored figures"];
  const now = keep(row);
  const fell = (name: "fmaShare" | "packedShare" | "issueBound" | "wavesPerSimd", slack: number) =>
    now[name] < before[name] - slack && `${name} fell from ${before[name]} to ${now[name]}`;
  const found = [
    fell("wavesPerSimd", 0),
    row.hot.isLoop && fell("fmaShare", shareTolerance),
    row.hot.isLoop && fell("packedShare", shareTolerance),
    row.hot.isLoop && fell("issueBound", shareTolerance),
    now.exposedWaits > before.exposedWaits &&
      `waits that nothing hides rose from ${before.exposedWaits} to ${now.exposedWaits}`,
  ];
  return [...problems, ...found.filter((text) => text !== false)];
}
