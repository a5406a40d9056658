import type { Io } from "./io.ts";

/** A line that tells what is being done, on a terminal only; it is erased at the end. */
export interface ProgressLine {
  show(text: string): void;
  clear(): void;
}

const minIntervalMs = 40;

/** Silent unless a person watches: not in pipes, in CI, on dumb terminals or when asked not to. */
export function progressLine({ err, host }: Io, wanted: boolean): ProgressLine {
  const { env } = host;
  if (!wanted || !err.isTerminal || env.CI || env.TERM === "dumb") {
    return { show: () => undefined, clear: () => undefined };
  }
  let shownAt = 0;
  return {
    show(text) {
      const now = performance.now();
      if (now - shownAt < minIntervalMs) return;
      shownAt = now;
      err.write(`\r\x1b[K${text.slice(0, err.columns - 1)}`);
    },
    clear() {
      if (shownAt > 0) err.write("\r\x1b[K");
      shownAt = 0;
    },
  };
}
