import { RekindleError } from "../errors.ts";

/** Requests are small: tensors travel through shared memory. */
const maxFrameBytes = 16 * 2 ** 20;
const headerBytes = 4;

/** A message as bytes: its length as a little-endian uint32, then JSON in UTF-8. */
export function frameOf(message: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(message), "utf8");
  const frame = Buffer.allocUnsafe(headerBytes + body.length);
  frame.writeUInt32LE(body.length, 0);
  body.copy(frame, headerBytes);
  return frame;
}

/**
 * Puts the chunks of a stream together again to messages.
 *
 * Throws "bridge" for a frame that is too long or no JSON: the stream cannot be followed after
 * that.
 */
export class FrameReader {
  private pending: Buffer = Buffer.alloc(0);

  /** The messages that are complete with this chunk. */
  *push(chunk: Buffer): Generator<unknown> {
    this.pending = this.pending.length === 0 ? chunk : Buffer.concat([this.pending, chunk]);
    while (this.pending.length >= headerBytes) {
      const length = this.pending.readUInt32LE(0);
      if (length > maxFrameBytes) {
        const what = `a message of ${length} bytes was announced, the most is ${maxFrameBytes}`;
        throw new RekindleError("bridge", what);
      }
      const end = headerBytes + length;
      if (this.pending.length < end) return;
      const body = this.pending.subarray(headerBytes, end);
      this.pending = this.pending.subarray(end);
      yield parse(body);
    }
  }
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8"));
  } catch (cause) {
    throw new RekindleError("bridge", "a message is no JSON", { cause });
  }
}
