import type { StepProgress } from "./surroundings.ts";

const lineMax = 4096;

/**
 * Reads what a program writes, in pieces of any size, for its last line and its own counters, from
 * which the remaining time follows. `pattern` has the groups `done` and `total`.
 */
export function progressReader(
  pattern: string | undefined,
  onProgress: (progress: StepProgress) => void,
  now: () => number = () => performance.now(),
): (chunk: Buffer) => void {
  const counters = pattern === undefined ? undefined : new RegExp(pattern);
  let rest = "";
  let first: { readonly done: number; readonly at: number } | undefined;
  let last: Pick<StepProgress, "done" | "total" | "remainingMs"> = {};
  return (chunk) => {
    // Terminals' lines are overwritten after a carriage return.
    const lines = (rest + chunk.toString("utf8")).split(/[\r\n]+/);
    rest = lines.pop()!.slice(-lineMax);
    for (const text of lines) {
      const line = withoutCodes(text).trim();
      if (line === "") continue;
      const { done, total } = counters?.exec(line)?.groups ?? {};
      if (done !== undefined && total !== undefined) {
        const counted = { done: Number(done), total: Number(total) };
        first ??= { done: counted.done, at: now() };
        last = { ...counted, ...remaining(first, counted, now()) };
      }
      onProgress({ line, ...last });
    }
  };
}

/** Of a resumed build the first counter is not 0: only what was done since counts. */
function remaining(
  first: { readonly done: number; readonly at: number },
  { done, total }: { readonly done: number; readonly total: number },
  at: number,
): { remainingMs?: number } {
  const since = done - first.done;
  if (since <= 0 || total < done) return {};
  return { remainingMs: Math.round(((at - first.at) / since) * (total - done)) };
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals' codes begin with one
const withoutCodes = (text: string) => text.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "");
