/** Collects output of any length in bounded memory: its beginning and its end. */
export class BoundedText {
  readonly #half: number;
  readonly #head: Buffer[] = [];
  #headLength = 0;
  #tail: Buffer[] = [];
  #tailLength = 0;
  #dropped = 0;

  /** Keeps about `bytes` in all. */
  constructor(bytes: number) {
    this.#half = Math.floor(bytes / 2);
  }

  add(chunk: Buffer): void {
    const room = this.#half - this.#headLength;
    if (room > 0) {
      this.#head.push(chunk.subarray(0, room));
      this.#headLength += Math.min(room, chunk.length);
    }
    if (chunk.length <= room) return;
    const rest = chunk.subarray(Math.max(0, room));
    this.#tail.push(rest);
    this.#tailLength += rest.length;
    while (this.#tailLength - this.#tail[0]!.length > this.#half) {
      const first = this.#tail.shift()!;
      this.#tailLength -= first.length;
      this.#dropped += first.length;
    }
  }

  /** What was collected, with a line that says how much was left out, if any was. */
  text(): string {
    const tail = Buffer.concat(this.#tail);
    const kept = tail.subarray(Math.max(0, tail.length - this.#half));
    const dropped = this.#dropped + tail.length - kept.length;
    const gap = dropped === 0 ? "" : `\n[... ${dropped} bytes left out ...]\n`;
    return Buffer.concat(this.#head).toString("utf8") + gap + kept.toString("utf8");
  }
}
