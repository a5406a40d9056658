import { spawn } from "node:child_process";

/** What came of running a program. */
export interface Ended {
  /** Exit status; null where it did not start, was killed, or ran out of time. */
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
  /** Why there is no status. */
  readonly problem?: "missing" | "timeout" | "killed" | "not allowed";
}

export interface RunOptions {
  /** The program and all that it started are killed after this. */
  readonly timeoutMs?: number;
  /** The environment; by default the host's, in English and without LD_PRELOAD. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where it runs; by default where this process does. */
  readonly folder?: string;
}

const defaultTimeoutMs = 5000;
/** Output past this is dropped. */
const maxOutputBytes = 8 * 2 ** 20;

/**
 * Runs a program with an argument list, without a shell and without input, in a process group of
 * its own. Never throws.
 *
 * @example
 * (await runProcess("uname", ["-r"], {})).out; // "6.12.9-amd64\n"
 */
export function runProcess(
  program: string,
  args: readonly string[],
  { timeoutMs = defaultTimeoutMs, env = process.env, folder }: RunOptions,
): Promise<Ended> {
  // A group can be killed as a whole: a program's own children would hold its output open.
  const detached = process.platform !== "win32";
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      env,
      detached,
      ...(folder !== undefined && { cwd: folder }),
      stdio: ["ignore", "pipe", "pipe"],
      windowsHide: true,
    });
    const out = collect(child.stdout);
    const err = collect(child.stderr);
    let problem: Ended["problem"];
    const timer = setTimeout(() => {
      problem = "timeout";
      killGroup(child.pid, detached);
    }, timeoutMs);
    const end = (status: number | null) => {
      clearTimeout(timer);
      const why = problem ?? (status === null ? "killed" : undefined);
      const shown = why === undefined ? status : null;
      resolve({ status: shown, out: out(), err: err(), ...(why && { problem: why }) });
    };
    child.on("error", (error: NodeJS.ErrnoException) => {
      problem ??= error.code === "ENOENT" ? "missing" : "not allowed";
      end(null);
    });
    child.on("close", end);
  });
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = [];
  let length = 0;
  stream.on("data", (chunk: Buffer) => {
    if (length < maxOutputBytes) chunks.push(chunk);
    length += chunk.length;
  });
  return () => Buffer.concat(chunks).subarray(0, maxOutputBytes).toString("utf8");
}

function killGroup(pid: number | undefined, isGroup: boolean): void {
  if (pid === undefined) return;
  try {
    process.kill(isGroup ? -pid : pid, "SIGKILL");
  } catch {
    // It ended by itself in the meantime.
  }
}
