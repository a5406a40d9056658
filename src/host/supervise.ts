import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { BoundedText } from "./bounded-text.ts";

export interface SuperviseOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Marks the program and all that it starts, so that none of them outlives it unseen. */
  readonly token: string;
  /** The program and all that it started together; above this they are killed. */
  readonly memoryBytes?: number;
  /** Each line of standard output, as it comes. */
  readonly onLine?: (line: string) => void;
  /** All that it writes, to both streams, as it comes. */
  readonly onOutput?: (chunk: Buffer) => void;
  /** Its input is at its end from the beginning: what it asks for is answered by nobody. */
  readonly hasNoInput?: true;
  /** Where it runs; by default where this process does. */
  readonly folder?: string;
  /** Between SIGTERM and SIGKILL. */
  readonly graceMs?: number;
  /** Between SIGKILL and giving up. */
  readonly giveUpMs?: number;
}

/** Why a program was stopped from outside. */
export type StopReason = "time" | "memory" | "asked";

/** How a program came to its end. */
export interface ProcessEnd {
  /** Exit status; null where a signal ended it or it never started. */
  readonly status: number | null;
  readonly signal: string | null;
  readonly stopped?: StopReason;
  /** It outlived SIGKILL: the kernel holds it, as a rule inside a driver. */
  readonly unkillable: boolean;
  /** What it wrote to both streams; the middle of a flood is left out. */
  readonly output: string;
  /** The most memory that it and its children were seen to hold. */
  readonly memoryBytesMax: number;
  /** Processes that it left behind, which were killed. */
  readonly leftBehind: number;
  readonly problem?: "missing" | "not allowed";
}

/** A program under watch. */
export interface Supervised {
  /** Writes a line to its standard input. */
  send(line: string): void;
  /** Ends it and its children: SIGTERM, then SIGKILL, then it is given up. */
  stop(reason: StopReason): void;
  readonly ended: Promise<ProcessEnd>;
}

/** The variable that carries the token. */
const tokenVariable = "REKINDLE_STEP";
const watchMs = 200;
const defaultGraceMs = 2000;
/**
 * A process that used a GPU which hangs dies only when its queues are off the card: amdgpu waits
 * 4 to 9 s for each attempt (the messages in ollama/ollama#738 are 4 s apart), then resets it.
 */
const defaultGiveUpMs = 30_000;
/** Of both streams, from the beginning and from the end. */
const keptBytes = 256 * 1024;
/** A longer line is no message of ours. */
const maxLineLength = 2 ** 20;

/**
 * Starts a program that may crash, hang, flood its output or eat the machine's memory, in a session
 * and process group of its own. Never throws; `ended` always resolves.
 *
 * @example
 * const child = supervise("python3", ["step.py"], { env: process.env, token: "a1" });
 * setTimeout(() => child.stop("time"), 60_000);
 * (await child.ended).signal; // "SIGSEGV"
 */
export function supervise(
  program: string,
  args: readonly string[],
  options: SuperviseOptions,
): Supervised {
  const { env, token, graceMs = defaultGraceMs, giveUpMs = defaultGiveUpMs } = options;
  const child = spawn(program, args, {
    env: { ...env, [tokenVariable]: token },
    ...(options.folder !== undefined && { cwd: options.folder }),
    detached: process.platform !== "win32",
    stdio: ["pipe", "pipe", "pipe"],
    windowsHide: true,
  });
  preferForOutOfMemory(child.pid);
  // A program that ends early leaves nobody to read.
  child.stdin.on("error", () => undefined);
  if (options.hasNoInput) child.stdin.end();
  const output = new BoundedText(keptBytes);
  if (options.onLine) eachLine(child.stdout, options.onLine);
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => {
      output.add(chunk);
      options.onOutput?.(chunk);
    });
  }
  const watched = watchMemory(child.pid, options.memoryBytes ?? Infinity, () => stop("memory"));
  let stopped: StopReason | undefined;
  let giveUp: (() => void) | undefined;
  const timers: NodeJS.Timeout[] = [];
  function stop(reason: StopReason): void {
    if (stopped) return;
    stopped = reason;
    signalGroup(child, "SIGTERM");
    timers.push(setTimeout(() => signalGroup(child, "SIGKILL"), graceMs));
    timers.push(setTimeout(() => giveUp?.(), graceMs + giveUpMs));
  }
  const ended = new Promise<ProcessEnd>((resolve) => {
    const end = (rest: Pick<ProcessEnd, "status" | "signal" | "unkillable" | "problem">) => {
      for (const timer of timers) clearTimeout(timer);
      const leftBehind = rest.unkillable ? 0 : sweep(token);
      signalGroup(child, "SIGKILL");
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      child.unref();
      const memoryBytesMax = watched.stop();
      resolve({
        ...rest,
        output: output.text(),
        memoryBytesMax,
        leftBehind,
        ...(stopped && { stopped }),
      });
    };
    giveUp = () => end({ status: null, signal: null, unkillable: true });
    child.on("error", (error: NodeJS.ErrnoException) => {
      const problem = error.code === "ENOENT" ? "missing" : "not allowed";
      if (child.pid === undefined) end({ status: null, signal: null, unkillable: false, problem });
    });
    child.on("exit", (status, signal) => {
      const finish = () => end({ status, signal, unkillable: false });
      // Children of it may hold its output open for ever; what is in the pipes comes at once.
      const timer = setTimeout(finish, 300);
      child.on("close", () => {
        clearTimeout(timer);
        finish();
      });
    });
  });
  return { send: (line) => void child.stdin.write(`${line}\n`), stop, ended };
}

/** When memory runs out, the kernel shall take this program and no other. */
function preferForOutOfMemory(pid: number | undefined): void {
  if (pid === undefined || process.platform !== "linux") return;
  try {
    writeFileSync(`/proc/${pid}/oom_score_adj`, "1000");
  } catch {
    // It has ended already, or the system does not let us.
  }
}

function eachLine(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = "";
  stream.on("data", (chunk: Buffer) => {
    const lines = (rest + chunk.toString("utf8")).split("\n");
    rest = lines.pop()!;
    if (rest.length > maxLineLength) rest = "";
    for (const line of lines) onLine(line);
  });
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    if (process.platform === "win32") child.kill(signal);
    else process.kill(-child.pid, signal);
  } catch {
    // All of them have ended.
  }
}

/** Memory of a process group, by looking again and again: limits of a process do not add up. */
function watchMemory(group: number | undefined, limit: number, onAbove: () => void) {
  let most = 0;
  const look = () => {
    if (group === undefined || process.platform !== "linux") return;
    most = Math.max(most, groupMemoryBytes(group));
    if (most > limit) onAbove();
  };
  const timer = setInterval(look, watchMs);
  return {
    stop() {
      clearInterval(timer);
      return most;
    },
  };
}

const pageBytes = 4096;

/** Resident memory of all processes of a group. */
function groupMemoryBytes(group: number): number {
  let bytes = 0;
  for (const pid of processIds()) {
    const fields = statFields(pid);
    if (fields && Number(fields[2]) === group) bytes += Number(fields[21]) * pageBytes;
  }
  return bytes;
}

/** The fields of /proc/PID/stat from the state on: behind the name, which may hold anything. */
function statFields(pid: number): string[] | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    return text.slice(text.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}

function processIds(): number[] {
  if (!existsSync("/proc/self")) return [];
  return readdirSync("/proc").map(Number).filter(Number.isInteger);
}

const looksMax = 100;
const betweenLooksMs = 5;

/**
 * Kills every process that carries a token, also those that left their group, and waits until they
 * have ended: what they write would be in the way of what comes next. Gives their number.
 *
 * @example sweep("a1"); // 0
 */
export function sweep(token: string): number {
  const mark = Buffer.from(`${tokenVariable}=${token}`);
  const killed = new Set<number>();
  // One that is being killed may just have started another.
  for (let look = 0; look < looksMax; look++) {
    const found = processIds().filter((pid) => pid !== process.pid && carries(pid, mark));
    if (found.length === 0) break;
    for (const pid of found) {
      try {
        process.kill(pid, "SIGKILL");
        killed.add(pid);
      } catch {
        // It has ended already.
      }
    }
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, betweenLooksMs);
  }
  return killed.size;
}

function carries(pid: number, mark: Buffer): boolean {
  try {
    const environment = readFileSync(`/proc/${pid}/environ`);
    const at = environment.indexOf(mark);
    const end = at + mark.length;
    return at >= 0 && (end === environment.length || environment[end] === 0);
  } catch {
    return false;
  }
}

/** When a process started, in the system's ticks; undefined where there is none such. */
export function startOfProcess(pid: number): string | undefined {
  return statFields(pid)?.[19];
}
