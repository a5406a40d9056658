/** Stable codes: scripts may depend on them; docs/errors.md explains each. */
export type ErrorCode =
  | "usage"
  | "file-missing"
  | "file-invalid"
  | "model-invalid"
  | "model-unsupported"
  | "input-name"
  | "input-shape"
  | "input-dtype"
  | "image-invalid"
  | "device-missing"
  | "device-limit"
  | "device-lost"
  | "precision"
  | "shader"
  | "disposed"
  | "internal"
  | "verify-failed"
  | "bridge"
  | "remedy-impossible";

/**
 * The one error type that users see: what failed, why, and what to do.
 *
 * @example
 * throw new RekindleError("input-shape", `input "x" is 3-D, the model expects 4-D`, {
 *   fix: "add a batch dimension of size 1",
 * });
 */
export class RekindleError extends Error {
  readonly code: ErrorCode;
  readonly fix: string | undefined;

  constructor(code: ErrorCode, what: string, options: { fix?: string; cause?: unknown } = {}) {
    super(what, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "RekindleError";
    this.code = code;
    this.fix = options.fix;
  }
}

/** The message of anything thrown, for embedding in another message. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
