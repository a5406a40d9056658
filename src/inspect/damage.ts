import { RekindleError } from "../errors.ts";

/** A file that is not what its format asks for, with the place where that shows. */
export class FormatError extends RekindleError {
  /** In bytes from the start of the file, or of the member inside archives. */
  readonly offset: number;

  constructor(offset: number, reason: string, cause?: unknown) {
    const options = { fix: "fetch or build the file again, and compare its size" };
    super("file-invalid", `at offset ${hex(offset)}: ${reason}`, { ...options, cause });
    this.offset = offset;
  }
}

/** "0x1f40". */
export function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
