import type { FixEvent } from "../../remedies/index.ts";
import { type Io, paint } from "../io.ts";
import { progressLine } from "../progress.ts";
import { formatMs } from "../text.ts";

const words = { forward: "", back: "take back: ", verify: "verify: " } as const;

/** Tells on standard error what a fix does: a line for each step, and how far it is. */
export function watchFix(io: Io): {
  onEvent: (event: FixEvent) => void;
  verifying: (what: string) => void;
  clear: () => void;
} {
  const { err } = io;
  const live = progressLine(io, true);
  return {
    onEvent({ does, direction, index, count, state, progress }) {
      const head = `[${index + 1}/${count}] ${words[direction]}${does}`;
      if (state === "progress" && progress) {
        if (progress.waiting !== undefined) {
          live.clear();
          err.write(`${paint(err, "yellow", "waiting")}: ${progress.waiting}\n`);
          return;
        }
        const { done, total, remainingMs, line = "" } = progress;
        const far = done === undefined ? "" : ` ${done}${total === undefined ? "" : `/${total}`}`;
        const left = remainingMs === undefined ? "" : `, ${formatMs(remainingMs)} left`;
        live.show(`[${index + 1}/${count}]${far}${left} ${line}`);
        return;
      }
      live.clear();
      if (state === "begin") err.write(`${head}\n`);
      if (state === "was-done") err.write(`${head}: is so already\n`);
    },
    verifying: (what) => {
      live.clear();
      err.write(`verify: ${what}\n`);
    },
    clear: () => live.clear(),
  };
}
