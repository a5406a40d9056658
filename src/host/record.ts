import { posix, win32 } from "node:path";
import { z } from "zod";
import { RekindleError } from "../errors.ts";
import type { Host } from "./host.ts";
import type { FileStatus, SystemInfo } from "./look.ts";
import type { Ended } from "./process.ts";

const recordingSchema = z.strictObject({
  version: z.literal(1),
  platform: z.string(),
  folder: z.string(),
  env: z.record(z.string(), z.string()),
  /** What each question was answered, by "method argument ...". */
  answers: z.record(z.string(), z.unknown()),
});

/** A machine as far as it was asked: every question put to a host, with its answer. */
export type Recording = z.infer<typeof recordingSchema>;

/** Says that a question had no answer, which JSON cannot. */
const nothing = null;

/**
 * A host that passes every question on and keeps the answers. Only questions of commands that look
 * are kept: `readFile` and `writeFile` pass through unrecorded. Of the environment only variables
 * that `keepsVariable` accepts are kept, for others may hold passwords.
 *
 * @example
 * const { host, recording } = recordingHost(machineHost(), (name) => name.startsWith("HSA_"));
 * await host.readText("/proc/version");
 * JSON.stringify(recording());
 */
export function recordingHost(
  host: Host,
  keepsVariable: (name: string) => boolean,
): { host: Host; recording: () => Recording } {
  const answers: Record<string, unknown> = {};
  const keep = async <T>(key: string, answer: Promise<T>): Promise<T> => {
    const value = await answer;
    answers[key] = value === undefined ? nothing : value;
    return value;
  };
  const recorded: Host = {
    ...host,
    exists: (path) => keep(keyOf("exists", path), host.exists(path)),
    list: (path) => keep(keyOf("list", path), host.list(path)),
    readText: (path) => keep(keyOf("readText", path), host.readText(path)),
    status: (path) => keep(keyOf("status", path), host.status(path)),
    realPath: (path) => keep(keyOf("realPath", path), host.realPath(path)),
    freeBytes: (path) => keep(keyOf("freeBytes", path), host.freeBytes(path)),
    system: () => keep(keyOf("system"), host.system()),
    run: (program, args, options) =>
      keep(keyOf("run", program, ...args), host.run(program, args, options)),
    learn: (name, work) => keep(keyOf("learn", name), host.learn(name, work)),
  };
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(host.env)) {
    if (value !== undefined && keepsVariable(name)) env[name] = value;
  }
  return {
    host: recorded,
    recording: () => ({
      version: 1,
      platform: host.platform,
      folder: host.resolve("."),
      env,
      answers: Object.fromEntries(Object.entries(answers).sort(([a], [b]) => (a < b ? -1 : 1))),
    }),
  };
}

/**
 * The host that a recording is of. What was never asked is not there: no file, no program. It has
 * no door to this machine: reading whole files and writing throw "file-missing".
 */
export function replayHost(recording: Recording): Host {
  const { platform, env, folder, answers } = recording;
  const answer = <T>(key: string, otherwise: T): T => {
    const value = answers[key];
    return value === undefined ? otherwise : ((value === nothing ? undefined : value) as T);
  };
  const refuse = async (path: string): Promise<never> => {
    throw new RekindleError("file-missing", `${path} is not part of the recorded machine`);
  };
  const paths = platform === "win32" ? win32 : posix;
  const missing: Ended = { status: null, out: "", err: "", problem: "missing" };
  return {
    env,
    platform,
    resolve: (path) => paths.resolve(folder, path),
    checkFile: refuse,
    readFile: refuse,
    checkWritable: refuse,
    writeFile: refuse,
    exists: async (path) => answer(keyOf("exists", path), false),
    list: async (path) => answer<string[]>(keyOf("list", path), []),
    readText: async (path) => answer<string | undefined>(keyOf("readText", path), undefined),
    status: async (path) => answer<FileStatus | undefined>(keyOf("status", path), undefined),
    realPath: async (path) => answer<string | undefined>(keyOf("realPath", path), undefined),
    freeBytes: async (path) => answer<number | undefined>(keyOf("freeBytes", path), undefined),
    system: async () => answer<SystemInfo>(keyOf("system"), unknownSystem),
    run: async (program, args) => answer(keyOf("run", program, ...args), missing),
    learn: async <T>(name: string) => {
      const key = keyOf("learn", name);
      if (key in answers) return answer(key, undefined as T);
      throw new RekindleError("file-missing", `${name} is not part of the recorded machine`);
    },
  };
}

const unknownSystem: SystemInfo = {
  arch: "",
  kernelRelease: "",
  hostName: "",
  user: "",
  home: "",
  memoryBytes: 0,
  freeMemoryBytes: 0,
};

function keyOf(method: string, ...args: readonly string[]): string {
  return [method, ...args].join(" ");
}

/** A recording from JSON; throws "file-invalid" with the key that is wrong. */
export function parseRecording(json: string, path: string): Recording {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new RekindleError("file-invalid", `recording ${path} is no JSON`, { cause });
  }
  const parsed = recordingSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0]!;
  const key = issue.path.map(String).join(".") || "the file";
  throw new RekindleError("file-invalid", `recording ${path}: ${key}: ${issue.message}`);
}

/** Whether a text is a recording, right or damaged, and not some other JSON. */
export function isRecording(text: string): boolean {
  return /^\s*\{\s*"version":[^{]*"platform":[^{]*"folder":/.test(text);
}
