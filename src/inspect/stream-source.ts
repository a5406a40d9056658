import type { Source } from "../host/index.ts";
import { FormatError } from "./damage.ts";

/** How much of what was read last is kept, so that going back a little costs nothing. */
const defaultWindowBytes = 64 * 2 ** 20;

/** A stream may be read this often from its start; a sound file needs one to three passes. */
const maxPasses = 40;

/**
 * Random access over data that can only be read in order (compressed data): the last `windowBytes`
 * are kept, reading further back starts anew. `size` may be Infinity where it is not known.
 */
export function streamSource(
  open: () => AsyncIterable<Uint8Array>,
  size: number,
  options: { readonly base?: number; readonly windowBytes?: number } = {},
): Source & { readonly base: number; close(): Promise<void> } {
  const { base = 0, windowBytes = defaultWindowBytes } = options;
  let stream: AsyncIterator<Uint8Array> | undefined;
  let window: { start: number; bytes: Uint8Array }[] = [];
  let kept = 0;
  let end = 0;
  let passes = 0;

  async function restart(): Promise<void> {
    await stream?.return?.();
    if (++passes > maxPasses) {
      throw new FormatError(
        base,
        `compressed data is read in an order that takes ${passes} passes`,
      );
    }
    stream = open()[Symbol.asyncIterator]();
    window = [];
    kept = 0;
    end = 0;
  }

  /** Reads on by one chunk; false at the end. `needed` is what must stay in the window. */
  async function advance(needed: number): Promise<boolean> {
    const { value, done } = await stream!.next();
    if (done) return false;
    window.push({ start: end, bytes: value });
    end += value.length;
    kept += value.length;
    while (kept - window[0]!.bytes.length > windowBytes && endOf(window[0]!) <= needed) {
      kept -= window.shift()!.bytes.length;
    }
    return true;
  }

  return {
    size,
    base,
    async read(offset, length) {
      const wantedEnd = Math.min(offset + length, size);
      if (!stream || offset < (window[0]?.start ?? 0)) await restart();
      while (end < wantedEnd && (await advance(offset)));
      const result = new Uint8Array(Math.max(0, Math.min(wantedEnd, end) - offset));
      for (const { start, bytes } of window) {
        const from = Math.max(0, offset - start);
        const to = Math.min(bytes.length, offset + result.length - start);
        if (from < to) result.set(bytes.subarray(from, to), start + from - offset);
      }
      return result;
    },
    async close() {
      await stream?.return?.();
      stream = undefined;
      window = [];
    },
  };
}

const endOf = (chunk: { start: number; bytes: Uint8Array }) => chunk.start + chunk.bytes.length;
