import { spawn, spawnSync } from "node:child_process";

/**
 * Runs a command with its output shown as it comes, and resolves to its exit status.
 * A command that a signal ends counts as status 1, one that does not exist as 127.
 */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: "inherit", ...options });
    child.on("error", () => resolve(127));
    child.on("close", (status) => resolve(status ?? 1));
  });
}

/** Runs a command quietly: its exit status and what it printed. */
export function capture(command, args, options = {}) {
  const result = spawnSync(command, args, { encoding: "utf8", ...options });
  return { status: result.status ?? 127, text: result.stdout ?? "" };
}

/** "0.8 s", "2 min 5 s": the time since `start` (of `performance.now()`). */
export function timeSince(start) {
  const seconds = (performance.now() - start) / 1000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** Prints a heading, does the work, prints how long it took; passes the work's result on. */
export async function step(title, work) {
  console.log(`\n== ${title}`);
  const start = performance.now();
  const result = await work();
  console.log(`== ${title}: ${timeSince(start)}`);
  return result;
}
