import type { Host } from "../host/index.ts";

/** What a fix is carried out with. */
export interface Surroundings {
  /** This machine: programs, network. */
  readonly machine: Host;
  /** The machine whose files are changed: this one, or one below `root`. */
  readonly host: Host;
  readonly root: string;
  readonly home: string;
  /** Aborted when the user wants to stop. */
  readonly signal: AbortSignal;
  /** All that programs write. */
  readonly log: (chunk: Uint8Array | string) => void;
  /** Before the second try of what the network made fail; each further one waits twice as long. */
  readonly pauseMs: number;
}

/** How far a step has come. */
export interface StepProgress {
  /** The last line that a program wrote. */
  readonly line?: string;
  readonly done?: number;
  readonly total?: number;
  readonly remainingMs?: number;
  /** A pause before another try, and why. */
  readonly waiting?: string;
}

const triesMax = 5;

/**
 * Tries again what fails for a while: waits between tries, twice as long each time. The last
 * failure is the result.
 *
 * @param reasonToRetry undefined where another try cannot help.
 */
export async function withBackoff<T>(
  work: () => Promise<T>,
  reasonToRetry: (result: T) => string | undefined,
  { signal, pauseMs }: Pick<Surroundings, "signal" | "pauseMs">,
  onProgress: (progress: StepProgress) => void,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    const result = await work();
    const reason = reasonToRetry(result);
    if (reason === undefined || tries === triesMax || signal.aborted) return result;
    const waitMs = pauseMs * 2 ** (tries - 1);
    const shown = waitMs >= 1000 ? `${Math.round(waitMs / 1000)} s` : `${waitMs} ms`;
    onProgress({ waiting: `${reason}; try ${tries + 1} of ${triesMax} in ${shown}` });
    await pause(waitMs, signal);
  }
}

/** Waits, or until the user stops. */
async function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, waitMs);
    signal.addEventListener("abort", end);
  });
}
