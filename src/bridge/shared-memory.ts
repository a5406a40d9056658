import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { messageOf, RekindleError } from "../errors.ts";
import type { TypedArray } from "../tensor/index.ts";

/**
 * A file that another process has mapped, in memory where the system has such files (/dev/shm).
 * Node cannot map files, so that tensors are copied once on each side: 0.1 ms for each megabyte.
 * Reads and writes block, because they touch no disk.
 */
export class SharedMemory {
  private readonly file: number;
  private bytes: number;

  /** Throws "bridge" where the file cannot be opened. */
  constructor(path: string) {
    try {
      this.file = openSync(path, "r+");
    } catch (error) {
      throw new RekindleError("bridge", `the shared memory is gone: ${messageOf(error)}`);
    }
    this.bytes = fstatSync(this.file).size;
  }

  /** Fills `into` from byte `at` on. Throws "bridge" where the file is shorter. */
  read(into: TypedArray, at: number): void {
    let done = 0;
    while (done < into.byteLength) {
      const count = readSync(this.file, into, done, into.byteLength - done, at + done);
      if (count === 0) {
        const what = `input bytes ${at} to ${at + into.byteLength} are not all in shared memory`;
        throw new RekindleError("bridge", `${what} (${at + done} bytes)`);
      }
      done += count;
    }
  }

  /** Writes `from` at byte `at`; the file grows where it has to. */
  write(from: TypedArray, at: number): void {
    this.grow(at + from.byteLength);
    let done = 0;
    try {
      while (done < from.byteLength) {
        done += writeSync(this.file, from, done, from.byteLength - done, at + done);
      }
    } catch (error) {
      const what = `the shared memory has no room for ${from.byteLength} bytes of output`;
      throw new RekindleError("bridge", `${what}: ${messageOf(error)}`, {
        fix: "make /dev/shm larger (Docker: --shm-size=1g)",
      });
    }
  }

  close(): void {
    closeSync(this.file);
  }

  private grow(bytes: number): void {
    this.bytes = Math.max(this.bytes, fstatSync(this.file).size);
    if (bytes <= this.bytes) return;
    ftruncateSync(this.file, bytes);
    this.bytes = bytes;
  }
}
