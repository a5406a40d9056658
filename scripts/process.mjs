import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

let minutesMax = 30;

/** From now on, `run` ends a command that takes longer than this. */
export function limitCommands(minutes) {
  minutesMax = minutes;
}

/**
 * Runs a command with its output shown as it comes, or given to `collect`, and resolves to its exit
 * status: 1 for one that a signal ends, 127 for one that does not exist, 124 (as of timeout) for
 * one that is killed, with all that it started, because its time is up.
 */
export function run(command, args, { collect, ...options } = {}) {
  const stdio = collect ? ["ignore", "pipe", "pipe"] : "inherit";
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio, detached: hasGroups, ...options });
    running.add(child);
    for (const stream of [child.stdout, child.stderr]) stream?.on("data", (d) => collect(`${d}`));
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      console.error(
        `\nKilled, for it took over ${minutesMax} min: ${[command, ...args].join(" ")}`,
      );
      signalAll(child, "SIGKILL");
    }, minutesMax * 60_000);
    const done = (status) => {
      clearTimeout(timer);
      running.delete(child);
      resolve(isLate ? 124 : (status ?? 1));
    };
    child.on("error", () => done(127));
    child.on("close", done);
  });
}

const hasGroups = process.platform !== "win32";
const running = new Set();

/** Signals a command of `run` and all that it started. */
function signalAll(child, signal) {
  try {
    if (hasGroups) process.kill(-child.pid, signal);
    else child.kill(signal);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

// In groups of their own, commands do not hear of what ends this process.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    for (const child of running) signalAll(child, signal);
    process.exit(1);
  });
}

/** Runs a command quietly, for two minutes at most: its exit status and what it printed. */
export function capture(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: "utf8", timeout: 120_000, ...options });
  return { status: result.status ?? 127, text: result.stdout ?? "" };
}

/** "0.8 s", "2 min 5 s": the time since `start` (of `performance.now()`). */
export const timeSince = (start) => duration((performance.now() - start) / 1000);

/** "0.8 s", "2 min 5 s". */
export function duration(seconds) {
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** The CPU time of all commands that have ended, in seconds (Linux; NaN elsewhere). */
export function cpuSeconds() {
  if (process.platform !== "linux") return Number.NaN;
  // Fields 16 and 17 of proc_pid_stat(5), in ticks, of which Linux has 100 in a second.
  const fields = readFileSync("/proc/self/stat", "utf8").split(") ").at(-1).split(" ");
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

/** Prints a heading, does the work, prints how long it took; passes the work's result on. */
export async function step(title, work) {
  console.log(`\n== ${title}`);
  const start = performance.now();
  const result = await work();
  console.log(`== ${title}: ${timeSince(start)}`);
  return result;
}
