import { messageOf, RekindleError } from "../errors.ts";
import {
  ChecksumError,
  ConnectionError,
  download,
  placed,
  removeTree,
  replace,
  supervise,
  writeContent,
} from "../host/index.ts";
import { invocationOf, shownCommand } from "./command.ts";
import { sha256 } from "./edit-file.ts";
import { NetworkTries } from "./network.ts";
import { progressReader } from "./progress.ts";
import type { DownloadStep, RunStep, Step, StepCommand } from "./step.ts";
import { type StepProgress, type Surroundings, withBackoff } from "./surroundings.ts";

/** How a step, or one try of it, came to its end. */
export type Acted =
  | { readonly end: "done" }
  /** The user stopped it. */
  | { readonly end: "stopped" }
  | {
      readonly end: "failed";
      /** A clause. */
      readonly why: string;
      /** What programs wrote. */
      readonly output: string;
    };

const done: Acted = { end: "done" };

/** Does what a step says, once all that it touches is kept. Never throws. */
export async function act(
  step: Step,
  token: string,
  around: Surroundings,
  onProgress: (progress: StepProgress) => void,
): Promise<Acted> {
  const { root } = around;
  try {
    switch (step.kind) {
      case "run":
        return await runStep(step, token, around, onProgress);
      case "download":
        return await downloadStep(step, around, onProgress);
      case "write":
        await checkBefore(step, around);
        await writeContent(placed(root, step.path), step.content, step.mode);
        return done;
      case "remove":
        await removeTree(placed(root, step.path));
        return done;
      case "copy":
        await replace(placed(root, step.to), placed(root, step.from));
        return done;
      case "restart":
        return done;
    }
  } catch (error) {
    if (around.signal.aborted) return { end: "stopped" };
    const fix = error instanceof RekindleError && error.fix ? `: ${error.fix}` : "";
    return { end: "failed", why: messageOf(error) + fix, output: "" };
  }
}

/** A file that somebody changed after the plan was shown is not overwritten. */
async function checkBefore(
  { path, before }: Extract<Step, { kind: "write" }>,
  { host }: Surroundings,
): Promise<void> {
  const isThere = await host.exists(path);
  const size = (await host.status(path))?.sizeBytes;
  const content = size === 0 ? "" : isThere ? await host.readFile(path, "file") : undefined;
  const now = content === undefined ? null : sha256(content);
  if (now !== before) throw new Error(`${path} was changed since the plan was made`);
}

async function downloadStep(
  { url, to, sha256: wanted }: DownloadStep,
  around: Surroundings,
  onProgress: (progress: StepProgress) => void,
): Promise<Acted> {
  const { signal, root } = around;
  const tries = new NetworkTries();
  const fetchIt = () =>
    download(url, placed(root, to), {
      sha256: wanted,
      signal,
      onProgress: (bytes, total) =>
        onProgress({ done: bytes, ...(total !== undefined && { total }) }),
    }).catch((error: unknown) => {
      if (error instanceof ConnectionError || error instanceof ChecksumError) return error;
      throw error;
    });
  const reason = (error: Awaited<ReturnType<typeof fetchIt>>) =>
    error instanceof ChecksumError ? tries.afterMismatch() : error?.message;
  const failure = await withBackoff(fetchIt, reason, around, onProgress);
  if (!failure) return done;
  return { end: "failed", why: `the download failed: ${failure.message}`, output: "" };
}

async function runStep(
  step: RunStep,
  token: string,
  around: Surroundings,
  onProgress: (progress: StepProgress) => void,
): Promise<Acted> {
  const { command, timeoutMs, memoryBytes } = step;
  const limits = {
    ...(timeoutMs !== undefined && { timeoutMs }),
    ...(memoryBytes !== undefined && { memoryBytes }),
    ...(step.progress !== undefined && { progress: step.progress }),
  };
  const tries = new NetworkTries();
  const uncached = { ...command, env: { ...command.env, PIP_NO_CACHE_DIR: "1" } };
  const once = () =>
    runCommand(tries.shallAvoidCache ? uncached : command, token, around, {
      ...limits,
      onProgress,
    });
  if (!step.network) return await once();
  const reason = (acted: Acted) =>
    acted.end === "failed" ? tries.reasonAfter(acted.output) : undefined;
  const acted = await withBackoff(once, reason, around, onProgress);
  if (acted.end !== "failed" || !tries.verdict) return acted;
  return { ...acted, why: `${acted.why}: ${tries.verdict}` };
}

interface CommandOptions {
  readonly timeoutMs?: number;
  readonly memoryBytes?: number;
  readonly progress?: string;
  readonly onProgress?: (progress: StepProgress) => void;
}

/** Runs one command to its end, with all of its output in the log. */
export async function runCommand(
  command: StepCommand,
  token: string,
  around: Surroundings,
  { timeoutMs, memoryBytes, progress, onProgress = () => undefined }: CommandOptions,
): Promise<Acted> {
  const { machine, root, home, signal, log } = around;
  if (signal.aborted) return { end: "stopped" };
  const { program, args, env, folder } = invocationOf(command, root, machine.env, home);
  const shown = shownCommand(command);
  log(`$ ${shown}\n`);
  const read = progressReader(progress, onProgress);
  const child = supervise(program, args, {
    env,
    token,
    hasNoInput: true,
    ...((await machine.exists(folder)) && { folder }),
    ...(memoryBytes !== undefined && { memoryBytes }),
    onOutput(chunk) {
      log(chunk);
      read(chunk);
    },
  });
  const stop = () => child.stop("asked");
  signal.addEventListener("abort", stop);
  const timer = timeoutMs && setTimeout(() => child.stop("time"), timeoutMs);
  const { status, signal: killed, stopped, problem, output } = await child.ended;
  if (timer) clearTimeout(timer);
  signal.removeEventListener("abort", stop);
  if (status === 0 && !stopped) return done;
  if (stopped === "asked") return { end: "stopped" };
  const how =
    stopped === "time"
      ? `did not end within ${Math.round(timeoutMs! / 1000)} s`
      : stopped === "memory"
        ? `took more than ${Math.round(memoryBytes! / 1e9)} GB of memory`
        : problem
          ? `could not be started: ${problem}`
          : killed
            ? `was ended by ${killed}`
            : `ended with status ${status}`;
  log(`[${how}]\n`);
  return { end: "failed", why: `${shown} ${how}`, output };
}
